/** Between what stands in a control and the value that is sent: reading, showing and checking, field by field. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { IField, IRange } from './fields';
import type { Json, JsonFault, JsonNumber } from './json';
import {
  JsonSyntaxError,
  isNumber,
  isObject,
  numberOf,
  parseJson,
  writeJson
} from './json';

/** What a text is: a value, or why it is none. */
export type Reading =
  | { value: Json | undefined; error?: undefined }
  | { value?: undefined; error: string };

const INTEGER = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const DURATION =
  /^(?=.*\d)(?:\d+\s*d)?\s*(?:\d+\s*h)?\s*(?:\d+\s*m)?\s*(?:\d+\s*s)?$/i;

/** Return how a value stands in the text control of a field; null and undefined are empty. */
export function shown(field: IField, value: Json | undefined): string {
  if (value === undefined || value === null) {
    return '';
  }
  if (typeof value === 'string') {
    return value;
  }
  if (field.kind === 'number' && Number.isInteger(value)) {
    return field.unit ? String(value) : `${value}.0`;
  }
  return field.kind === 'json' ? writeJson(value, 2) : writeJson(value);
}

/**
 * Read the text of a control.
 *
 * Empty is undefined (nothing is sent, the default holds) where that is allowed.
 */
export function read(
  field: IField,
  text: string,
  trans: TranslationBundle
): Reading {
  const trimmed = text.trim();
  if (field.kind === 'text') {
    return readText(field, text, trans);
  }
  if (trimmed === '') {
    return field.required && !field.nullable
      ? { error: trans.__('A value is needed here.') }
      : { value: field.nullable && field.required ? null : undefined };
  }
  const word = field.choices.find(choice => choice === trimmed);
  if (word !== undefined) {
    return { value: word };
  }
  switch (field.kind) {
    case 'integer':
    case 'number':
      return readNumber(field, trimmed, trans);
    case 'json':
      return readJson(text, trans);
    default:
      return { value: trimmed };
  }
}

/** Read a text as JSON; the error says where it ends to be JSON. */
export function readJson(text: string, trans: TranslationBundle): Reading {
  try {
    return { value: parseJson(text) };
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      return {
        error: trans.__(
          'Line %1, column %2: %3.',
          error.line,
          error.column,
          faultText(error.fault, trans)
        )
      };
    }
    throw error;
  }
}

/** Return how a range is said: “1 to 1000”, “at least 0”, “more than 0”; empty without one. */
export function rangeText(range: IRange, trans: TranslationBundle): string {
  const { minimum, maximum, above, below } = range;
  if (minimum !== undefined && maximum !== undefined) {
    return trans.__('%1 to %2', grouped(minimum), grouped(maximum));
  }
  const parts: string[] = [];
  if (minimum !== undefined) {
    parts.push(trans.__('at least %1', grouped(minimum)));
  }
  if (above !== undefined) {
    parts.push(trans.__('more than %1', grouped(above)));
  }
  if (maximum !== undefined) {
    parts.push(trans.__('at most %1', grouped(maximum)));
  }
  if (below !== undefined) {
    parts.push(trans.__('less than %1', grouped(below)));
  }
  return parts.join(', ');
}

/** Whether a number lies in a range. */
export function within(range: IRange, value: number): boolean {
  return !(
    (range.minimum !== undefined && value < range.minimum) ||
    (range.maximum !== undefined && value > range.maximum) ||
    (range.above !== undefined && value <= range.above) ||
    (range.below !== undefined && value >= range.below)
  );
}

/** Return a value without what equals the defaults, as a configuration is sent. */
export function withoutDefaults(
  fields: IField[],
  values: { [key: string]: Json }
): { [key: string]: Json } {
  const kept: { [key: string]: Json } = {};
  for (const field of fields) {
    const value = values[field.key];
    if (value === undefined || isDefault(field, value)) {
      continue;
    }
    kept[field.key] = value;
  }
  return kept;
}

function isDefault(field: IField, value: Json): boolean {
  if (isNumber(value) && isNumber(field.default)) {
    return Number(value) === Number(field.default);
  }
  if (field.default !== undefined) {
    return writeJson(value) === writeJson(field.default);
  }
  return (
    (Array.isArray(value) && value.length === 0) ||
    (isObject(value) && Object.keys(value).length === 0)
  );
}

function readText(
  field: IField,
  text: string,
  trans: TranslationBundle
): Reading {
  if (text === '') {
    return field.required ? { value: '' } : { value: undefined };
  }
  if (field.pattern && !matches(field.pattern, text)) {
    return { error: trans.__('This must match %1.', field.pattern) };
  }
  const { minLength, maxLength } = field.schema;
  if (minLength !== undefined && text.length < minLength) {
    return { error: trans.__('At least %1 characters are needed.', minLength) };
  }
  if (maxLength !== undefined && text.length > maxLength) {
    return { error: trans.__('At most %1 characters are allowed.', maxLength) };
  }
  return { value: text };
}

function readNumber(
  field: IField,
  text: string,
  trans: TranslationBundle
): Reading {
  if (field.duration && !NUMBER.test(text) && DURATION.test(text)) {
    return { value: text };
  }
  if (field.kind === 'integer' && !INTEGER.test(text)) {
    return {
      error: field.duration
        ? trans.__(
            'A number of seconds or a time such as 8h or 1d12h is needed here.'
          )
        : trans.__('A whole number is needed here.')
    };
  }
  if (!NUMBER.test(text)) {
    return { error: trans.__('A number is needed here.') };
  }
  const value = Number(text);
  if (!within(field.range, value)) {
    return { error: trans.__('Allowed: %1.', rangeText(field.range, trans)) };
  }
  return { value: spelled(text) };
}

/** Return the JSON number for what people write: `+1`, `.5`, `2.` and `007` are no JSON. */
export function spelled(text: string): number | JsonNumber {
  const found = /^([+-]?)0*(\d*)(?:\.(\d*))?(.*)$/.exec(text);
  if (!found) {
    return Number(text);
  }
  const [, sign, whole, fraction, rest] = found;
  const point = text.includes('.') ? `.${fraction || '0'}` : '';
  return numberOf(`${sign === '-' ? '-' : ''}${whole || '0'}${point}${rest}`);
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true; // a pattern that only Python understands is left to the server
  }
}

function grouped(value: number): string {
  return Math.abs(value) < 100_000 ? String(value) : value.toLocaleString();
}

function faultText(fault: JsonFault, trans: TranslationBundle): string {
  switch (fault) {
    case 'after':
      return trans.__('nothing may follow the value');
    case 'deep':
      return trans.__('nested too deeply');
    case 'end':
      return trans.__('the text ends too early');
    case 'value':
      return trans.__('a value is expected here');
    case 'name':
      return trans.__('a name in double quotes is expected here');
    case 'colon':
      return trans.__('a colon is expected here');
    case 'comma':
      return trans.__('a comma or a closing bracket is expected here');
    case 'string':
      return trans.__('the text in quotes does not end');
    case 'character':
      return trans.__(
        'the text in quotes holds a character that JSON does not allow'
      );
  }
}
