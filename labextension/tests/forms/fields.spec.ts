import { nullTranslator } from '@jupyterlab/translation';

import { type IField, fieldsOf, label } from '../../src/forms/fields';
import { writeJson } from '../../src/forms/json';
import type { IJsonSchema } from '../../src/forms/schema';
import {
  rangeText,
  read,
  shown,
  withoutDefaults
} from '../../src/forms/values';

const trans = nullTranslator.load('');

/** As pydantic writes the configuration of a target. */
const SCHEMA: IJsonSchema = {
  type: 'object',
  required: ['size'],
  properties: {
    description: {
      anyOf: [{ type: 'string' }, { type: 'null' }],
      default: null
    },
    tags: { type: 'object', additionalProperties: { type: 'string' } },
    auth_enabled: { type: 'boolean', default: true },
    scoring_timeout_ms: {
      type: 'integer',
      default: 60000,
      minimum: 1,
      maximum: 86400000
    },
    max_request_wait_time: {
      type: 'integer',
      default: 500,
      description:
        'Longest time a request waits in the queue, in milliseconds; then the answer is 503.'
    },
    memory_gb: {
      anyOf: [{ type: 'number', exclusiveMinimum: 0 }, { type: 'null' }],
      default: null
    },
    workers: {
      anyOf: [{ type: 'integer' }, { const: 'auto', type: 'string' }],
      default: 1
    },
    ttl: {
      anyOf: [{ ge: 1, type: 'integer' } as IJsonSchema, { type: 'null' }],
      default: null,
      description:
        'Time after which the service stops by itself, in seconds or as ``"8h"``.'
    },
    cors_origins: { type: 'array', items: { type: 'string' } },
    start_method: {
      enum: ['auto', 'fork', 'spawn'],
      type: 'string',
      default: 'auto'
    },
    size: { $ref: '#/$defs/Size' },
    anything: { default: null }
  },
  $defs: {
    Size: { type: 'object', properties: { width: { type: 'integer' } } }
  }
};

const fields = Object.fromEntries(
  fieldsOf(SCHEMA).map(field => [field.key, field])
);

function value(field: IField, text: string): string | undefined {
  const found = read(field, text, trans);
  return (
    found.error ??
    (found.value === undefined ? undefined : writeJson(found.value))
  );
}

describe('fields of a schema', () => {
  it('have kinds, labels, units and ranges', () => {
    expect(
      Object.values(fields).map(item => [
        item.key,
        item.kind,
        item.label,
        item.unit
      ])
    ).toEqual([
      ['description', 'text', 'Description', ''],
      ['tags', 'map', 'Tags', ''],
      ['auth_enabled', 'boolean', 'Auth enabled', ''],
      ['scoring_timeout_ms', 'integer', 'Scoring timeout', 'ms'],
      ['max_request_wait_time', 'integer', 'Max request wait time', 'ms'],
      ['memory_gb', 'number', 'Memory', 'GiB'],
      ['workers', 'integer', 'Workers', ''],
      ['ttl', 'integer', 'TTL', 's'],
      ['cors_origins', 'list', 'CORS origins', ''],
      ['start_method', 'choice', 'Start method', ''],
      ['size', 'group', 'Size', ''],
      ['anything', 'json', 'Anything', '']
    ]);
    expect(fields.memory_gb.nullable).toBe(true);
    expect(fields.size.required).toBe(true);
    expect(fields.size.fields.map(item => item.key)).toEqual(['width']);
    expect(rangeText(fields.scoring_timeout_ms.range, trans)).toMatch(
      /^1 to 86.400.000$/
    );
    expect(rangeText(fields.memory_gb.range, trans)).toBe('more than 0');
    expect(rangeText(fields.ttl.range, trans)).toBe('at least 1');
    expect(label('maxBatchSize')).toBe('Max batch size');
  });

  it.each([
    ['scoring_timeout_ms', '250', '250'],
    ['scoring_timeout_ms', '', undefined],
    ['scoring_timeout_ms', '0', 'Allowed: 1 to 86,400,000.'],
    ['scoring_timeout_ms', '2.5', 'A whole number is needed here.'],
    ['memory_gb', '.5', '0.5'],
    ['memory_gb', '2.', '2.0'],
    ['memory_gb', '1e-3', '1e-3'],
    ['memory_gb', '0', 'Allowed: more than 0.'],
    ['memory_gb', 'much', 'A number is needed here.'],
    ['workers', 'auto', '"auto"'],
    ['workers', '+04', '4'],
    ['workers', 'many', 'A whole number is needed here.'],
    ['ttl', '8h', '"8h"'],
    ['ttl', '1d12h', '"1d12h"'],
    ['ttl', '60', '60'],
    [
      'ttl',
      'soon',
      'A number of seconds or a time such as 8h or 1d12h is needed here.'
    ],
    ['anything', '{"a": [1]}', '{"a":[1]}'],
    ['anything', '{', 'Line 1, column 2: the text ends too early.'],
    ['description', ' a ', '" a "']
  ])('reads %s from %j', (key, text, expected) => {
    expect(value(fields[key], text)).toBe(expected);
  });

  it('show numbers of floats as floats, unless they have a unit', () => {
    const plain = { ...fields.memory_gb, unit: '' };
    expect(shown(plain, 2)).toBe('2.0');
    expect(shown(fields.memory_gb, 2)).toBe('2');
    expect(shown(fields.workers, null)).toBe('');
  });

  it('leave out what equals the default', () => {
    const all = fieldsOf(SCHEMA);
    expect(
      withoutDefaults(all, {
        auth_enabled: true,
        workers: 2,
        scoring_timeout_ms: 60000,
        tags: {},
        cors_origins: [],
        start_method: 'fork'
      })
    ).toEqual({ workers: 2, start_method: 'fork' });
  });
});
