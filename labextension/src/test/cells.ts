/** The cells of a table: what they show, and what their texts stand for. */

import type { Json } from '../forms/json';
import { JsonNumber, isNumber, writeJson } from '../forms/json';
import type { IJsonSchema } from '../forms/schema';
import { plain } from '../forms/schema';
import { spelled } from '../forms/values';

export type CellKind = 'integer' | 'number' | 'boolean' | 'string' | 'any';
/** `undefined` is a key that is left out. */
export type Cell = Json | undefined;

/** What a cell's text is when it cannot be what the column holds; it is sent as text and marked. */
export interface ICellReading {
  value: Cell;
  fits: boolean;
}

/** Return what a cell shows. */
export function cellText(kind: CellKind, cell: Cell): string {
  if (cell === undefined) {
    return '';
  }
  if (cell === null) {
    return 'null';
  }
  if (typeof cell === 'string') {
    return kind === 'any' && looksLikeJson(cell) ? JSON.stringify(cell) : cell;
  }
  if (kind === 'number' && Number.isInteger(cell)) {
    return `${cell}.0`;
  }
  return writeJson(cell);
}

/** Read a cell's text as what its column holds; `null`, `NaN` and the infinities are written as such. */
export function readCell(kind: CellKind, text: string): ICellReading {
  const trimmed = text.trim();
  if (trimmed === 'null') {
    return { value: null, fits: true };
  }
  switch (kind) {
    case 'string':
      return { value: text, fits: true };
    case 'boolean': {
      const lower = trimmed.toLowerCase();
      return lower === 'true' || lower === 'false'
        ? { value: lower === 'true', fits: true }
        : missing(trimmed);
    }
    case 'integer':
      return /^[+-]?\d+$/.test(trimmed)
        ? { value: spelled(trimmed), fits: true }
        : missing(trimmed);
    case 'number':
      return number(trimmed);
    case 'any':
      return anything(text, trimmed);
  }
}

/** Return an empty row's cell. */
export function zero(kind: CellKind): Cell {
  const zeros = {
    integer: 0,
    number: new JsonNumber('0.0'),
    boolean: false,
    string: '',
    any: null
  };
  return zeros[kind];
}

export function kindOf(given: IJsonSchema, root: object): CellKind {
  const { schema } = plain(given, root);
  return schema.type === 'integer' ||
    schema.type === 'number' ||
    schema.type === 'boolean' ||
    schema.type === 'string'
    ? schema.type
    : 'any';
}

/** Return what cells without a schema hold, as far as they agree. */
export function guess(cells: Cell[]): CellKind {
  const kinds = new Set<CellKind>();
  for (const cell of cells) {
    if (cell === null || cell === undefined) {
      continue;
    }
    if (isNumber(cell)) {
      kinds.add(Number.isInteger(cell) ? 'integer' : 'number');
    } else {
      kinds.add(
        typeof cell === 'boolean'
          ? 'boolean'
          : typeof cell === 'string'
            ? 'string'
            : 'any'
      );
    }
  }
  if (kinds.size === 2 && kinds.has('integer') && kinds.has('number')) {
    return 'number';
  }
  return kinds.size === 1 ? [...kinds][0] : 'any';
}

function missing(text: string): ICellReading {
  return text === ''
    ? { value: undefined, fits: true }
    : { value: text, fits: false };
}

function number(text: string): ICellReading {
  const word = {
    nan: 'NaN',
    inf: 'Infinity',
    infinity: 'Infinity',
    '-inf': '-Infinity',
    '-infinity': '-Infinity'
  }[text.toLowerCase()];
  if (word !== undefined) {
    return { value: new JsonNumber(word), fits: true };
  }
  if (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
    return { value: spelled(text), fits: true };
  }
  return missing(text);
}

function anything(text: string, trimmed: string): ICellReading {
  if (trimmed === '') {
    return { value: undefined, fits: true };
  }
  if (trimmed === 'true' || trimmed === 'false') {
    return { value: trimmed === 'true', fits: true };
  }
  if (/^".*"$/s.test(trimmed)) {
    try {
      return { value: JSON.parse(trimmed) as string, fits: true };
    } catch {
      return { value: text, fits: true };
    }
  }
  const found = number(trimmed);
  return found.fits ? found : { value: text, fits: true };
}

function looksLikeJson(text: string): boolean {
  return (
    text === '' ||
    text.trim() !== text ||
    anything(text, text).value !== text ||
    text === 'null'
  );
}
