/**
 * From a JSON schema to the fields of a form: what kind of control, its label, unit, range and default.
 *
 * No words of our own are added here; labels and descriptions come from the schema.
 */

import type { Json, JsonObject } from './json';
import { JsonNumber, fromPlain, isObject } from './json';
import type { IJsonSchema } from './schema';
import { plain } from './schema';

export type FieldKind =
  | 'boolean'
  | 'integer'
  | 'number'
  | 'text'
  | 'choice'
  | 'map'
  | 'list'
  | 'group'
  | 'table'
  | 'json';

/** One control of a form. */
export interface IField {
  /** Key in the object that the form makes. */
  key: string;
  label: string;
  /** For example `ms` or `GiB`; empty without one. */
  unit: string;
  description: string;
  kind: FieldKind;
  /** It may be left empty, which stands for null. */
  nullable: boolean;
  required: boolean;
  /** What holds when nothing is given; undefined when the schema does not say. */
  default: Json | undefined;
  range: IRange;
  /** For `choice`: the values; for numbers: words that may stand instead, such as `auto`. */
  choices: Json[];
  /** Texts such as `8h` are taken as well as a number. */
  duration: boolean;
  /** For `group`. */
  fields: IField[];
  /** For `list` and `map`: what an entry is. */
  entry: IJsonSchema | null;
  pattern: string;
  /** What a target must be able to do for the field to have an effect; empty for nothing in particular. */
  capability: string;
  schema: IJsonSchema;
}

/** Bounds of a number; those left out do not exist. */
export interface IRange {
  minimum?: number;
  maximum?: number;
  /** The bound itself is not allowed. */
  above?: number;
  below?: number;
}

/** Key endings that say in what a number is counted. */
const UNITS: [RegExp, string][] = [
  [/_ms$/, 'ms'],
  [/_(?:s|sec|seconds)$/, 's'],
  [/_mb$/, 'MiB'],
  [/_gb$/, 'GiB'],
  [/_percent(?:age)?$/, '%']
];
/** Where the key does not say it but the description does: “…, in milliseconds;”. */
const SAID: [RegExp, string][] = [
  [/\bin milliseconds\b/i, 'ms'],
  [/\bin seconds\b/i, 's'],
  [/\bin MiB\b/i, 'MiB'],
  [/\bin GiB\b/i, 'GiB'],
  [/\bin percent\b/i, '%']
];

/** Words that are written in capitals. */
const SHORT_FORMS = /\b(?:cors|cpu|gpu|ssl|tls|ttl|uri|url)\b/g;

/** How deep groups may stand in groups before the rest is shown as JSON. */
const DEEPEST_GROUP = 3;

/** Return the fields of an object schema, in its order. */
export function fieldsOf(
  schema: IJsonSchema,
  root: object = schema,
  depth = 0
): IField[] {
  const object = plain(schema, root).schema;
  const required = new Set(object.required ?? []);
  return Object.entries(object.properties ?? {}).map(([key, item]) =>
    fieldOf(key, item, root, required.has(key), depth)
  );
}

/** Return the field of one property. */
export function fieldOf(
  key: string,
  given: IJsonSchema,
  root: object,
  required = false,
  depth = 0
): IField {
  const { schema, nullable } = plain(given, root);
  const field: IField = {
    key,
    label: label(key),
    unit: '',
    description: given.description ?? schema.description ?? '',
    kind: 'json',
    nullable,
    required,
    default: 'default' in given ? fromPlain(given.default) : undefined,
    range: {},
    choices: [],
    duration: false,
    fields: [],
    entry: null,
    pattern: schema.pattern ?? '',
    capability: given['x-mldeploy-capability'] ?? '',
    schema
  };
  shape(field, schema, root, depth);
  if (field.kind === 'integer' || field.kind === 'number') {
    field.unit = unit(key, field.description);
    field.duration =
      field.unit === 's' && /"\d+[dhms]"/.test(field.description);
    field.label = label(field.unit ? strip(key) : key);
  }
  return field;
}

/** Return a key as words: `max_batch_size` → `Max batch size`, `maxBatchSize` likewise. */
export function label(key: string): string {
  const words = key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_\s]+/g, ' ')
    .trim();
  const text = words === key ? words : words.toLowerCase();
  const shown = text.replace(SHORT_FORMS, word => word.toUpperCase());
  return shown.charAt(0).toUpperCase() + shown.slice(1);
}

/** Return a value to begin with for a schema: its example, its default, or the plainest that fits. */
export function blank(given: IJsonSchema, root: object, depth = 0): Json {
  const { schema, nullable } = plain(given, root);
  if (schema.example !== undefined) {
    return fromPlain(schema.example);
  }
  if (schema.default !== undefined) {
    return fromPlain(schema.default);
  }
  const first = schema.enum?.[0] ?? schema.const;
  if (first !== undefined) {
    return fromPlain(first);
  }
  switch (schema.type) {
    case 'boolean':
      return false;
    case 'integer':
      return 0;
    case 'number':
      return new JsonNumber('0.0');
    case 'string':
      return '';
    case 'array':
      return depth < 4 && schema.items && !nullable
        ? [blank(schema.items, root, depth + 1)]
        : [];
    case 'object': {
      const object: JsonObject = {};
      for (const [key, item] of depth < 4
        ? Object.entries(schema.properties ?? {})
        : []) {
        object[key] = blank(item, root, depth + 1);
      }
      return object;
    }
    default:
      return nullable || depth > 0 ? null : {};
  }
}

function shape(
  field: IField,
  schema: IJsonSchema,
  root: object,
  depth: number
): void {
  if (schema.enum !== undefined || schema.const !== undefined) {
    field.kind = 'choice';
    field.choices = (schema.enum ?? [schema.const]).map(fromPlain);
    return;
  }
  if (schema.anyOf !== undefined) {
    numbersAndWords(field, schema.anyOf, root);
    return;
  }
  switch (schema.type) {
    case 'boolean':
      field.kind = 'boolean';
      break;
    case 'integer':
    case 'number':
      field.kind = schema.type;
      field.range = range(schema);
      break;
    case 'string':
      field.kind = 'text';
      break;
    case 'array':
      array(field, schema, root);
      break;
    case 'object':
      object(field, schema, root, depth);
      break;
  }
}

/** A number or one of a few words, as `1` or `auto`; other alternatives stay JSON. */
function numbersAndWords(
  field: IField,
  options: IJsonSchema[],
  root: object
): void {
  const schemas = options.map(option => plain(option, root).schema);
  const numbers = schemas.filter(
    item => item.type === 'integer' || item.type === 'number'
  );
  const words = schemas.flatMap(
    item => item.enum ?? (item.const !== undefined ? [item.const] : [])
  );
  const texts = schemas.filter(
    item =>
      item.type === 'string' &&
      item.enum === undefined &&
      item.const === undefined
  );
  if (
    numbers.length +
      texts.length +
      schemas.filter(item => item.enum || item.const).length <
    schemas.length
  ) {
    return;
  }
  if (numbers.length > 0 && texts.length === 0) {
    field.kind = numbers.some(item => item.type === 'number')
      ? 'number'
      : 'integer';
    field.range = range(numbers[0]);
    field.choices = words.map(fromPlain);
  } else if (numbers.length === 0) {
    field.kind = texts.length > 0 ? 'text' : 'choice';
    field.choices = words.map(fromPlain);
  }
}

function array(field: IField, schema: IJsonSchema, root: object): void {
  const items = schema.items ? plain(schema.items, root).schema : null;
  if (
    items &&
    (isScalar(items) || items.type === 'array' || items.properties)
  ) {
    const simple =
      isScalar(items) && !(schema.format ?? '').startsWith('numpy');
    field.kind = simple ? 'list' : 'table';
    field.entry = items;
  }
}

function object(
  field: IField,
  schema: IJsonSchema,
  root: object,
  depth: number
): void {
  if ((schema.format ?? '').startsWith('pandas')) {
    field.kind = 'table';
  } else if (schema.properties && depth < DEEPEST_GROUP) {
    field.kind = 'group';
    field.fields = fieldsOf(schema, root, depth + 1);
  } else if (typeof schema.additionalProperties === 'object') {
    const entry = plain(schema.additionalProperties, root).schema;
    if (entry.type === 'string') {
      field.kind = 'map';
      field.entry = entry;
    }
  }
}

function isScalar(schema: IJsonSchema): boolean {
  return ['string', 'integer', 'number', 'boolean'].includes(
    String(schema.type)
  );
}

function range(schema: IJsonSchema): IRange {
  const found: IRange = {};
  const ge = (schema as { ge?: unknown }).ge;
  const minimum = schema.minimum ?? (typeof ge === 'number' ? ge : undefined);
  if (typeof schema.exclusiveMinimum === 'number') {
    found.above = schema.exclusiveMinimum;
  } else if (minimum !== undefined) {
    found[schema.exclusiveMinimum === true ? 'above' : 'minimum'] = minimum;
  }
  if (typeof schema.exclusiveMaximum === 'number') {
    found.below = schema.exclusiveMaximum;
  } else if (schema.maximum !== undefined) {
    found[schema.exclusiveMaximum === true ? 'below' : 'maximum'] =
      schema.maximum;
  }
  return found;
}

function unit(key: string, description: string): string {
  const table: [RegExp, string, string][] = [
    ...UNITS.map(
      ([pattern, name]) => [pattern, key, name] as [RegExp, string, string]
    ),
    ...SAID.map(
      ([pattern, name]) =>
        [pattern, description, name] as [RegExp, string, string]
    )
  ];
  return table.find(([pattern, text]) => pattern.test(text))?.[2] ?? '';
}

function strip(key: string): string {
  const shorter = UNITS.reduce(
    (text, [pattern]) => text.replace(pattern, ''),
    key
  );
  return shorter || key;
}

/** Return the entries of a map as pairs, in their order. */
export function pairs(value: Json | undefined): [string, string][] {
  return isObject(value)
    ? Object.entries(value).map(([key, item]) => [key, String(item)])
    : [];
}
