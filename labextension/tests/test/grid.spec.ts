import { type Json, parseJson, writeJson } from '../../src/forms/json';
import type { IJsonSchema } from '../../src/forms/schema';
import { cellText, readCell } from '../../src/test/cells';
import {
  type IGrid,
  gridOf,
  gridValue,
  withBlock,
  withCell,
  withRow,
  withoutRow
} from '../../src/test/grid';

const RECORDS: IJsonSchema = {
  type: 'array',
  format: 'pandas.DataFrame:records',
  items: {
    type: 'object',
    properties: {
      age: { type: 'integer' },
      name: { type: 'string' },
      x: { type: 'number' },
      ok: { type: 'boolean' }
    }
  }
};
const MATRIX: IJsonSchema = {
  type: 'array',
  format: 'numpy.ndarray',
  items: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 }
};

function grid(schema: IJsonSchema, text: string): IGrid {
  const found = gridOf(schema, schema, parseJson(text));
  expect(found).not.toBeNull();
  return found as IGrid;
}

function value(of: IGrid): string {
  return writeJson(gridValue(of));
}

describe('tables of arrays and frames', () => {
  it.each<[string, IJsonSchema, string, string]>([
    [
      'records',
      RECORDS,
      'records',
      '[{"age":41,"name":"a","x":1.5,"ok":true},{"age":null,"x":2.0}]'
    ],
    ['matrix', MATRIX, 'matrix', '[[1.0,2.0],[3.0,4.5]]'],
    [
      'vector',
      { type: 'array', items: { type: 'integer' } },
      'vector',
      '[1,2,3]'
    ],
    [
      'split',
      { type: 'object', format: 'pandas.DataFrame:split' },
      'split',
      '{"columns":["a","b"],"index":[0,1],"data":[[1,"x"],[2,"y"]]}'
    ],
    [
      'columns',
      { type: 'object', format: 'pandas.DataFrame:dict' },
      'columns',
      '{"a":{"0":1,"1":2},"b":{"0":"x","1":"y"}}'
    ],
    ['no rows', RECORDS, 'records', '[]']
  ])('come back as they were: %s', (_, schema, shape, text) => {
    const found = grid(schema, text);
    expect(found.shape).toBe(shape);
    expect(value(found)).toBe(text);
  });

  it.each<[IJsonSchema, Json]>([
    [{ type: 'array' }, parseJson('[[[1]],[[2]]]')],
    [{ type: 'array' }, parseJson('[{"a":1}, 2]')],
    [{ type: 'object' }, parseJson('{"a":1}')],
    [{ type: 'string' }, 'x']
  ])('are not made of what is none', (schema, json) => {
    expect(gridOf(schema, schema, json)).toBeNull();
  });

  it('change cell by cell and row by row', () => {
    let found = grid(RECORDS, '[{"age":41,"name":"a","x":1.5,"ok":true}]');
    found = withCell(found, 0, 0, readCell('integer', '42').value);
    found = withRow(found, 0);
    found = withCell(found, 1, 1, readCell('string', '').value);
    found = withCell(found, 1, 3, readCell('boolean', '').value);
    expect(value(found)).toBe(
      '[{"age":42,"name":"a","x":1.5,"ok":true},{"age":42,"name":"","x":1.5}]'
    );
    expect(value(withoutRow(withoutRow(found, 0), 0))).toBe('[]');
    expect(value(withRow(withoutRow(withoutRow(found, 0), 0), -1))).toBe(
      '[{"age":0,"name":"","x":0.0,"ok":false}]'
    );
  });

  it('number the rows that come', () => {
    const split = grid(
      { type: 'object' },
      '{"columns":["a"],"index":[5,9],"data":[[1],[2]]}'
    );
    expect(value(withRow(split, 0))).toBe(
      '{"columns":["a"],"index":[5,10,9],"data":[[1],[1],[2]]}'
    );
    expect(value(withoutRow(split, 0))).toBe(
      '{"columns":["a"],"index":[9],"data":[[2]]}'
    );
  });

  it('take a block from a spreadsheet, rows are added', () => {
    const found = withBlock(grid(MATRIX, '[[1.0,2.0]]'), 0, 1, '7\t8\r\n9\n');
    expect(value(found)).toBe('[[1.0,7],[1.0,9]]');
  });

  it.each<[Parameters<typeof readCell>[0], string, string, boolean]>([
    ['integer', '007', '7', true],
    ['integer', '12345678901234567890', '12345678901234567890', true],
    ['integer', '1.5', '"1.5"', false],
    ['number', 'nan', 'NaN', true],
    ['number', '-inf', '-Infinity', true],
    ['number', 'x', '"x"', false],
    ['string', '12', '"12"', true],
    ['string', 'null', 'null', true],
    ['boolean', 'TRUE', 'true', true],
    ['any', '12', '12', true],
    ['any', '"12"', '"12"', true],
    ['any', 'word', '"word"', true]
  ])('read a cell of %s from %j', (kind, text, json, fits) => {
    const found = readCell(kind, text);
    expect([writeJson(found.value ?? null), found.fits]).toEqual([json, fits]);
  });

  it('show what can be read again', () => {
    for (const cell of ['', '12', 'null', 'true', ' a', 'plain']) {
      expect(readCell('any', cellText('any', cell)).value).toBe(cell);
    }
    expect(cellText('number', 3)).toBe('3.0');
  });
});
