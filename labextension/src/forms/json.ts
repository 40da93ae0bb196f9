/**
 * JSON whose numbers keep their spelling.
 *
 * A browser's `JSON.parse` turns `1.0` into `1` and rounds integers beyond 2^53; a service written in Python tells
 * `1` from `1.0` and has 64-bit identifiers. Numbers whose spelling JavaScript would change stand here as
 * {@link JsonNumber}. NaN and the infinities, which Python writes and reads, are allowed.
 */

/** A number with the spelling that goes over the wire. */
export class JsonNumber {
  constructor(readonly text: string) {}

  valueOf(): number {
    const text = this.text;
    return text === 'NaN' ? NaN : Number(text);
  }

  toString(): string {
    return this.text;
  }
}

export type Json =
  null | boolean | number | string | JsonNumber | Json[] | JsonObject;

export type JsonObject = { [key: string]: Json };

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS: [string, Json][] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', new JsonNumber('NaN')],
  ['Infinity', new JsonNumber('Infinity')],
  ['-Infinity', new JsonNumber('-Infinity')]
];

/** How deep a text may nest; far beyond what a payload has, and short of a browser's stack. */
const DEEPEST = 500;

/** Why a text is not JSON; frontends have the words. */
export type JsonFault =
  | 'after'
  | 'deep'
  | 'end'
  | 'value'
  | 'name'
  | 'colon'
  | 'comma'
  | 'string'
  | 'character';

/** Where a text stops being JSON. */
export class JsonSyntaxError extends SyntaxError {
  constructor(
    readonly fault: JsonFault,
    readonly offset: number,
    readonly line: number,
    readonly column: number
  ) {
    super(`${fault} at line ${line}, column ${column}`);
  }
}

/** Whether a value is a JSON object, and neither an array nor a number. */
export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof JsonNumber)
  );
}

/** Whether a value is a number, however it is spelled. */
export function isNumber(
  value: Json | undefined
): value is number | JsonNumber {
  return typeof value === 'number' || value instanceof JsonNumber;
}

/** Return a number for a spelling; one that JavaScript would spell otherwise keeps it. */
export function numberOf(text: string): number | JsonNumber {
  const value = Number(text);
  return String(value) === text ? value : new JsonNumber(text);
}

/** Read a text. @throws JsonSyntaxError with line and column (both from 1). */
export function parseJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.space();
  if (reader.at < text.length) {
    reader.fail('after');
  }
  return value;
}

/** Write a value as JSON on one line, or indented. */
export function writeJson(value: Json, indent = 0): string {
  return write(value, indent, '\n');
}

/** Return what a browser's own JSON has for a value; numbers lose their spelling. */
export function fromPlain(value: unknown): Json {
  if (Array.isArray(value)) {
    return value.map(fromPlain);
  }
  if (typeof value === 'object' && value !== null) {
    const object: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      set(object, key, fromPlain(item));
    }
    return object;
  }
  if (typeof value === 'boolean' || typeof value === 'string') {
    return value;
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : new JsonNumber(String(value));
  }
  return null;
}

/** Return a value for a browser's own JSON; numbers lose their spelling. */
export function toPlain(value: Json): unknown {
  if (value instanceof JsonNumber) {
    return Number(value);
  }
  if (Array.isArray(value)) {
    return value.map(toPlain);
  }
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, toPlain(item)])
    );
  }
  return value;
}

/** Whether two values are the same JSON; `1` and `1.0` are not. */
export function sameJson(one: Json, other: Json): boolean {
  return writeJson(one) === writeJson(other);
}

/** Set a key, `__proto__` too, without touching the prototype. */
export function set(object: JsonObject, key: string, value: Json): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true
  });
}

function write(value: Json, indent: number, line: string): string {
  if (value instanceof JsonNumber) {
    return value.text;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return String(value);
  }
  if (Array.isArray(value)) {
    return writeItems(
      value.map(item => ['', item] as const),
      '[]',
      indent,
      line
    );
  }
  if (isObject(value)) {
    const space = indent ? ' ' : '';
    return writeItems(
      Object.entries(value).map(
        ([key, item]) => [`${JSON.stringify(key)}:${space}`, item] as const
      ),
      '{}',
      indent,
      line
    );
  }
  return JSON.stringify(value);
}

function writeItems(
  items: (readonly [string, Json])[],
  brackets: string,
  indent: number,
  line: string
): string {
  const [open, close] = brackets;
  const flat =
    indent === 0 || items.every(([key, item]) => !key && !isCollection(item));
  if (items.length === 0 || flat) {
    const comma = indent ? ', ' : ',';
    return (
      open +
      items.map(([key, item]) => key + write(item, indent, line)).join(comma) +
      close
    );
  }
  const inner = line + ' '.repeat(indent);
  const body = items.map(
    ([key, item]) => inner + key + write(item, indent, inner)
  );
  return open + body.join(',') + line + close;
}

function isCollection(value: Json): boolean {
  return Array.isArray(value) || isObject(value);
}

class Reader {
  at = 0;

  constructor(private readonly text: string) {}

  fail(fault: JsonFault): never {
    const before = this.text.slice(0, this.at);
    const line = before.split('\n').length;
    const column = this.at - before.lastIndexOf('\n');
    throw new JsonSyntaxError(fault, this.at, line, column);
  }

  space(): void {
    while (
      this.at < this.text.length &&
      ' \t\n\r'.includes(this.text[this.at])
    ) {
      this.at += 1;
    }
  }

  value(depth: number): Json {
    if (depth > DEEPEST) {
      this.fail('deep');
    }
    this.space();
    const next = this.text[this.at];
    if (next === '{') {
      return this.object(depth);
    }
    if (next === '[') {
      return this.array(depth);
    }
    if (next === '"') {
      return this.string();
    }
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (found) {
      this.at += found[0].length;
      return numberOf(found[0]);
    }
    return this.fail(next === undefined ? 'end' : 'value');
  }

  private object(depth: number): Json {
    const object: JsonObject = {};
    this.at += 1;
    this.space();
    if (this.text[this.at] === '}') {
      this.at += 1;
      return object;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') {
        this.fail(this.at < this.text.length ? 'name' : 'end');
      }
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ':') {
        this.fail(this.at < this.text.length ? 'colon' : 'end');
      }
      this.at += 1;
      set(object, key, this.value(depth + 1));
      if (!this.more('}')) {
        return object;
      }
    }
  }

  private array(depth: number): Json {
    const items: Json[] = [];
    this.at += 1;
    this.space();
    if (this.text[this.at] === ']') {
      this.at += 1;
      return items;
    }
    do {
      items.push(this.value(depth + 1));
    } while (this.more(']'));
    return items;
  }

  private more(close: string): boolean {
    this.space();
    const next = this.text[this.at];
    if (next !== ',' && next !== close) {
      this.fail(next === undefined ? 'end' : 'comma');
    }
    this.at += 1;
    return next === ',';
  }

  private string(): string {
    const begin = this.at;
    this.at += 1;
    while (this.at < this.text.length && this.text[this.at] !== '"') {
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    }
    if (this.at >= this.text.length) {
      this.at = begin;
      this.fail('string');
    }
    this.at += 1;
    try {
      return JSON.parse(this.text.slice(begin, this.at)) as string;
    } catch {
      this.at = begin;
      return this.fail('character');
    }
  }
}
