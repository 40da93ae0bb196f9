/**
 * Requests that services stumble over, made from the sample: null, NaN, empty, wrong types, missing and unknown keys.
 *
 * A good service answers them or refuses them with a 4xx; what it must not do is fail (5xx) or fall silent.
 */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Json, JsonObject } from '../forms/json';
import { JsonNumber, isNumber, isObject, set, writeJson } from '../forms/json';

/** `answer`: 2xx. `refuse`: 4xx. `handle`: either. */
export type Expectation = 'answer' | 'refuse' | 'handle';

export interface IEdgeCase {
  /** Stable within one sample, for example `null:data`. */
  id: string;
  label: string;
  /** The body, JSON or what looks like it. */
  body: string;
  expects: Expectation;
}

/** How many cases are made at most; wide frames would have hundreds. */
export const MOST_CASES = 40;
/** Keys and columns of one level that get cases of their own. */
const MOST_KEYS = 4;

/** Return the cases of a sample, the sample itself first. */
export function edgeCases(sample: Json, trans: TranslationBundle): IEdgeCase[] {
  const cases: IEdgeCase[] = [];
  const add = (
    id: string,
    label: string,
    body: Json | string,
    expects: Expectation,
    raw = false
  ): void => {
    const text = raw ? String(body) : writeJson(body);
    if (cases.length < MOST_CASES && !cases.some(item => item.body === text)) {
      cases.push({ id, label, body: text, expects });
    }
  };
  add('sample', trans.__('The sample as it is'), sample, 'answer');
  add('empty-body', trans.__('Empty body'), '', 'handle', true);
  add('no-json', trans.__('Not JSON'), '{"data": [1, 2', 'refuse', true);
  add('null', trans.__('null alone'), null, 'handle');
  if (isObject(sample)) {
    add('empty', trans.__('No keys at all'), {}, 'refuse');
    const keys = Object.keys(sample).slice(0, MOST_KEYS);
    for (const key of keys) {
      add(
        `missing:${key}`,
        trans.__('“%1” is missing', key),
        without(sample, key),
        'refuse'
      );
    }
    for (const key of keys) {
      add(
        `null:${key}`,
        trans.__('“%1” is null', key),
        withKey(sample, key, null),
        'handle'
      );
      add(
        `type:${key}`,
        trans.__('“%1” has another type', key),
        withKey(sample, key, otherType(sample[key])),
        'refuse'
      );
      for (const inner of within(sample[key], trans)) {
        add(
          `${inner.id}:${key}`,
          `${key}: ${inner.label}`,
          withKey(sample, key, inner.value),
          inner.expects
        );
      }
    }
    add(
      'unknown',
      trans.__('An unknown key'),
      withKey(sample, 'unknown_key', 1),
      'handle'
    );
  } else {
    add('type', trans.__('Another type'), otherType(sample), 'refuse');
    for (const inner of within(sample, trans)) {
      add(inner.id, inner.label, inner.value, inner.expects);
    }
  }
  return cases;
}

/** Whether a service met what is expected of it; null stands for no answer at all. */
export function passes(expects: Expectation, status: number | null): boolean {
  if (status === null) {
    return false;
  }
  const answered = status >= 200 && status < 300;
  const refused = status >= 400 && status < 500;
  return expects === 'answer'
    ? answered
    : expects === 'refuse'
      ? refused
      : answered || refused;
}

interface IVariant {
  id: string;
  label: string;
  value: Json;
  expects: Expectation;
}

/** Cases inside of one value: of arrays, frames and numbers. */
function within(value: Json, trans: TranslationBundle): IVariant[] {
  if (isNumber(value)) {
    return [
      {
        id: 'nan',
        label: trans.__('NaN'),
        value: new JsonNumber('NaN'),
        expects: 'handle'
      },
      {
        id: 'huge',
        label: trans.__('A huge number'),
        value: new JsonNumber('1e308'),
        expects: 'handle'
      }
    ];
  }
  if (typeof value === 'string') {
    return [
      {
        id: 'empty',
        label: trans.__('Empty text'),
        value: '',
        expects: 'handle'
      }
    ];
  }
  if (!Array.isArray(value)) {
    return [];
  }
  const variants: IVariant[] = [
    { id: 'empty', label: trans.__('No rows'), value: [], expects: 'handle' }
  ];
  const first = value[0];
  if (isObject(first)) {
    const column = Object.keys(first)[0];
    const numeric = Object.keys(first).find(name => isNumber(first[name]));
    if (column !== undefined) {
      const rest = value.slice(1);
      variants.push(
        {
          id: 'column-missing',
          label: trans.__('Column “%1” is missing', column),
          value: value.map(row => (isObject(row) ? without(row, column) : row)),
          expects: 'refuse'
        },
        {
          id: 'cell-null',
          label: trans.__('null in “%1”', column),
          value: [withKey(first, column, null), ...rest],
          expects: 'handle'
        },
        {
          id: 'cell-type',
          label: trans.__('Another type in “%1”', column),
          value: [withKey(first, column, otherType(first[column])), ...rest],
          expects: 'refuse'
        },
        {
          id: 'column-unknown',
          label: trans.__('An unknown column'),
          value: value.map(row =>
            isObject(row) ? withKey(row, 'unknown_column', 1) : row
          ),
          expects: 'handle'
        }
      );
    }
    if (numeric !== undefined) {
      variants.push({
        id: 'cell-nan',
        label: trans.__('NaN in “%1”', numeric),
        value: [
          withKey(first, numeric, new JsonNumber('NaN')),
          ...value.slice(1)
        ],
        expects: 'handle'
      });
    }
    return variants;
  }
  if (value.length > 0) {
    variants.push(
      {
        id: 'cell-null',
        label: trans.__('null as a value'),
        value: replaceFirst(value, null),
        expects: 'handle'
      },
      {
        id: 'cell-nan',
        label: trans.__('NaN as a value'),
        value: replaceFirst(value, new JsonNumber('NaN')),
        expects: 'handle'
      },
      {
        id: 'cell-type',
        label: trans.__('Text as a value'),
        value: replaceFirst(value, 'not a number'),
        expects: 'refuse'
      }
    );
    if (Array.isArray(first) && first.length > 0) {
      variants.push({
        id: 'ragged',
        label: trans.__('Rows of unequal length'),
        value: [...value, first.slice(0, -1)],
        expects: 'refuse'
      });
    }
  }
  return variants;
}

function otherType(value: Json): Json {
  if (typeof value === 'string') {
    return { not: 'a text' };
  }
  return isObject(value) ? [1, 2, 3] : 'not what is expected';
}

function without(object: JsonObject, key: string): JsonObject {
  const copy: JsonObject = {};
  for (const [name, value] of Object.entries(object)) {
    if (name !== key) {
      set(copy, name, value);
    }
  }
  return copy;
}

function withKey(object: JsonObject, key: string, value: Json): JsonObject {
  const copy: JsonObject = {};
  for (const [name, item] of Object.entries(object)) {
    set(copy, name, item);
  }
  set(copy, key, value);
  return copy;
}

/** Replace the first scalar in nested lists. */
function replaceFirst(value: Json[], by: Json): Json[] {
  const [first, ...rest] = value;
  return [
    Array.isArray(first) && first.length > 0 ? replaceFirst(first, by) : by,
    ...rest
  ];
}
