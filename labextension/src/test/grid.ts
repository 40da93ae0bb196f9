/**
 * Arrays and data frames as a table of texts, and back.
 *
 * A frame may be spelled as records, as rows of values, as `{columns, index, data}`, or by column; an array as a list or
 * a list of lists. What is none of these has no table and is edited as JSON.
 */

import { blank } from '../forms/fields';
import type { Json, JsonObject } from '../forms/json';
import { isObject, numberOf, set } from '../forms/json';
import type { IJsonSchema } from '../forms/schema';
import { plain } from '../forms/schema';
import type { Cell, CellKind } from './cells';
import { guess, kindOf, readCell, zero } from './cells';

export type GridShape = 'records' | 'matrix' | 'vector' | 'split' | 'columns';

export interface IColumn {
  /** Key of a record; for arrays the column's number. */
  name: string;
  kind: CellKind;
}

/** A table that stands for a value. */
export interface IGrid {
  shape: GridShape;
  columns: IColumn[];
  /** One list of cells a row; `undefined` is a key that is left out. */
  rows: Cell[][];
  /** Row labels of `split` and `columns`. */
  index: Json[];
  /** The number of columns is fixed by the schema. */
  fixed: boolean;
}

/** Columns beyond which a table is of no help. */
const MOST_COLUMNS = 2_000;

/** Return the table of a value, or null when it has none. */
export function gridOf(
  given: IJsonSchema,
  root: object,
  value: Json | undefined
): IGrid | null {
  const { schema } = plain(given, root);
  const start = value ?? blank(schema, root);
  const items = schema.items ? plain(schema.items, root).schema : {};
  const grid =
    records(items, root, start) ??
    rowsOf(items, root, start) ??
    split(start) ??
    byColumn(schema, start);
  return grid && grid.columns.length > 0 && grid.columns.length <= MOST_COLUMNS
    ? grid
    : null;
}

/** Return the value that a table stands for. */
export function gridValue(grid: IGrid): Json {
  switch (grid.shape) {
    case 'records':
      return grid.rows.map(row => record(grid.columns, row));
    case 'vector':
      return grid.rows.map(row => row[0] ?? null);
    case 'matrix':
      return grid.rows.map(row => row.map(cell => cell ?? null));
    case 'split':
      return {
        columns: grid.columns.map(column => column.name),
        index: grid.index,
        data: grid.rows.map(row => row.map(cell => cell ?? null))
      };
    case 'columns': {
      const value: JsonObject = {};
      grid.columns.forEach((column, at) => {
        const cells: JsonObject = {};
        grid.rows.forEach((row, number) =>
          set(cells, String(grid.index[number]), row[at] ?? null)
        );
        set(value, column.name, cells);
      });
      return value;
    }
  }
}

/** Return a table with one cell changed. */
export function withCell(
  grid: IGrid,
  row: number,
  column: number,
  value: Cell
): IGrid {
  const rows = grid.rows.slice();
  rows[row] = rows[row].slice();
  rows[row][column] = value;
  return { ...grid, rows };
}

/** Return a table with a row after `row` that repeats it; -1 adds a first one. */
export function withRow(grid: IGrid, row: number): IGrid {
  const like = grid.rows[row] ?? grid.columns.map(column => zero(column.kind));
  const rows = grid.rows.slice();
  rows.splice(row + 1, 0, like.slice());
  return { ...grid, rows, index: renumbered(grid, row, 1) };
}

/** Return a table without a row. */
export function withoutRow(grid: IGrid, row: number): IGrid {
  const rows = grid.rows.filter((_, number) => number !== row);
  return { ...grid, rows, index: renumbered(grid, row, -1) };
}

/** Return a table with a block of cells, as spreadsheets copy it: lines of texts parted by tabs; rows are added. */
export function withBlock(
  grid: IGrid,
  row: number,
  column: number,
  text: string
): IGrid {
  const lines = text.replace(/\r\n?/g, '\n').replace(/\n$/, '').split('\n');
  let next = grid;
  lines.forEach((line, down) => {
    if (row + down >= next.rows.length) {
      next = withRow(next, next.rows.length - 1);
    }
    line.split('\t').forEach((cell, right) => {
      const at = column + right;
      if (at < next.columns.length) {
        next = withCell(
          next,
          row + down,
          at,
          readCell(next.columns[at].kind, cell).value
        );
      }
    });
  });
  return next;
}

function records(items: IJsonSchema, root: object, value: Json): IGrid | null {
  if (
    !Array.isArray(value) ||
    !value.every(isObject) ||
    (value.length === 0 && !items.properties)
  ) {
    return null;
  }
  const rows = value as JsonObject[];
  const names = new Set(Object.keys(items.properties ?? {}));
  rows.forEach(row => Object.keys(row).forEach(name => names.add(name)));
  const columns = [...names].map(name => ({
    name,
    kind: items.properties?.[name]
      ? kindOf(items.properties[name], root)
      : guess(rows.map(row => row[name]))
  }));
  return {
    shape: 'records',
    columns,
    rows: rows.map(row =>
      columns.map(column =>
        Object.hasOwn(row, column.name) ? row[column.name] : undefined
      )
    ),
    index: [],
    fixed: true
  };
}

function rowsOf(items: IJsonSchema, root: object, value: Json): IGrid | null {
  if (!Array.isArray(value)) {
    return null;
  }
  if (value.length > 0 ? value.every(Array.isArray) : items.type === 'array') {
    const rows = value as Json[][];
    const width = Math.max(items.minItems ?? 0, ...rows.map(row => row.length));
    if (
      rows.some(row => row.some(cell => Array.isArray(cell) || isObject(cell)))
    ) {
      return null;
    }
    const kind = items.items ? kindOf(items.items, root) : null;
    return {
      shape: 'matrix',
      columns: Array.from({ length: width }, (_, at) => ({
        name: String(at),
        kind: kind && kind !== 'any' ? kind : guess(rows.map(row => row[at]))
      })),
      rows: rows.map(row => Array.from({ length: width }, (_, at) => row[at])),
      index: [],
      fixed: items.minItems !== undefined && items.minItems === items.maxItems
    };
  }
  if (value.every(cell => !Array.isArray(cell) && !isObject(cell))) {
    const kind = kindOf(items, root);
    return {
      shape: 'vector',
      columns: [{ name: '0', kind: kind === 'any' ? guess(value) : kind }],
      rows: value.map(cell => [cell]),
      index: [],
      fixed: true
    };
  }
  return null;
}

function split(value: Json): IGrid | null {
  if (
    !isObject(value) ||
    !Array.isArray(value.columns) ||
    !Array.isArray(value.data)
  ) {
    return null;
  }
  const rows = value.data;
  if (
    !rows.every(Array.isArray) ||
    !value.columns.every(name => typeof name === 'string')
  ) {
    return null;
  }
  const cells = rows as Json[][];
  return {
    shape: 'split',
    columns: (value.columns as string[]).map((name, at) => ({
      name,
      kind: guess(cells.map(row => row[at]))
    })),
    rows: cells.map(row => row.slice()),
    index: Array.isArray(value.index) ? value.index : cells.map((_, at) => at),
    fixed: true
  };
}

function byColumn(schema: IJsonSchema, value: Json): IGrid | null {
  if (!(schema.format ?? '').startsWith('pandas') || !isObject(value)) {
    return null;
  }
  const columns = Object.entries(value);
  if (
    !columns.every((pair): pair is [string, JsonObject] => isObject(pair[1]))
  ) {
    return null;
  }
  const index = [
    ...new Set(columns.flatMap(([, cells]) => Object.keys(cells)))
  ];
  return {
    shape: 'columns',
    columns: columns.map(([name, cells]) => ({
      name,
      kind: guess(Object.values(cells))
    })),
    rows: index.map(at => columns.map(([, cells]) => cells[at])),
    index,
    fixed: true
  };
}

function record(columns: IColumn[], row: Cell[]): JsonObject {
  const object: JsonObject = {};
  columns.forEach((column, at) => {
    const cell = row[at];
    if (cell !== undefined) {
      set(object, column.name, cell);
    }
  });
  return object;
}

function renumbered(grid: IGrid, row: number, by: 1 | -1): Json[] {
  if (grid.shape !== 'split' && grid.shape !== 'columns') {
    return [];
  }
  const index = grid.index.slice();
  if (by === -1) {
    index.splice(row, 1);
    return index;
  }
  const numbers = index.map(Number).filter(Number.isFinite);
  const next =
    numbers.length === index.length
      ? Math.max(-1, ...numbers) + 1
      : index.length;
  index.splice(
    row + 1,
    0,
    grid.shape === 'columns' ? String(next) : numberOf(String(next))
  );
  return index;
}
