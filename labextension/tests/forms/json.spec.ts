import {
  JsonNumber,
  JsonSyntaxError,
  fromPlain,
  isObject,
  numberOf,
  parseJson,
  toPlain,
  writeJson
} from '../../src/forms/json';

describe('JSON with the spelling of its numbers', () => {
  it.each([
    '1.0',
    '12345678901234567890',
    '-0.50',
    '1e400',
    '[1,1.0,NaN,-Infinity]',
    '{"a":{"b":[]},"__proto__":1,"c":"\\u00e9\\n"}',
    'null'
  ])('writes %s as it was', text => {
    const written = writeJson(parseJson(text));
    expect(written).toBe(text.replace('\\u00e9', 'é'));
  });

  it('keeps a plain number where JavaScript spells it the same', () => {
    expect(numberOf('15')).toBe(15);
    expect(numberOf('1.0')).toBeInstanceOf(JsonNumber);
    expect(Number(numberOf('1.0'))).toBe(1);
    expect(Number(parseJson('NaN'))).toBeNaN();
  });

  it.each([
    ['', 'end', 1, 1],
    ['[1,', 'end', 1, 4],
    ['[1 2]', 'comma', 1, 4],
    ['{"a" 1}', 'colon', 1, 6],
    ["{'a': 1}", 'name', 1, 2],
    ['{"a":\n  x}', 'value', 2, 3],
    ['1 2', 'after', 1, 3],
    ['"abc', 'string', 1, 1],
    ['"a\nb"', 'character', 1, 1],
    ['[01]', 'comma', 1, 3],
    ['['.repeat(600), 'deep', 1, 502]
  ])('says where %j stops being JSON', (text, fault, line, column) => {
    let found: unknown;
    try {
      parseJson(text);
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(JsonSyntaxError);
    expect(found).toMatchObject({ fault, line, column });
  });

  it('indents objects and keeps rows of scalars on one line', () => {
    expect(writeJson(parseJson('{"data":[[1.0,2],[3,4]],"x":{}}'), 2)).toBe(
      '{\n  "data": [\n    [1.0, 2],\n    [3, 4]\n  ],\n  "x": {}\n}'
    );
  });

  it('goes to and from what browsers have', () => {
    const value = fromPlain({ a: [1, NaN, 'x', null, undefined, true] });
    expect(writeJson(value)).toBe('{"a":[1,NaN,"x",null,null,true]}');
    expect(toPlain(parseJson('{"a":[1.0,"x",null]}'))).toEqual({
      a: [1, 'x', null]
    });
    expect(isObject(new JsonNumber('1.0'))).toBe(false);
  });

  it('does not touch the prototype', () => {
    parseJson('{"__proto__": {"polluted": 1}}');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
