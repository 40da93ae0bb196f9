import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { FieldRow } from '../forms/controls';
import type { IField } from '../forms/fields';
import { fieldsOf } from '../forms/fields';
import type { Json, JsonObject } from '../forms/json';
import { isObject, set } from '../forms/json';
import type { IJsonSchema } from '../forms/schema';
import { GridView, MOST_CELLS } from './gridView';
import type { IGrid } from './grid';
import { gridOf, gridValue } from './grid';

/** What a service takes, as a form has it. */
export interface IInput {
  schema: IJsonSchema;
  /** Where references in the schema begin. */
  root: object;
  fields: IField[];
  /** The sample; a form begins with it. */
  sample: JsonObject;
}

/** Return the input of a schema with a sample, or null where a form would have nothing to ask for. */
export function inputOf(
  schema: IJsonSchema | null,
  root: object,
  sample: Json | undefined
): IInput | null {
  if (schema === null || !isObject(sample)) {
    return null;
  }
  const fields = fieldsOf(schema, root);
  return fields.length > 0 ? { schema, root, fields, sample } : null;
}

/** A form for the body of a request. */
export function PayloadForm(props: {
  input: IInput;
  values: JsonObject;
  onChange(values: JsonObject): void;
  /** Called with path and problem (or null). */
  onProblem(path: string, problem: string | null): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { input, values, onChange, onProblem, trans } = props;
  return (
    <div className="jp-mldeploy-Payload">
      <Fields
        fields={input.fields}
        root={input.root}
        path=""
        values={values}
        onChange={onChange}
        onProblem={onProblem}
        trans={trans}
      />
    </div>
  );
}

function Fields(props: {
  fields: IField[];
  root: object;
  path: string;
  values: JsonObject;
  onChange(values: JsonObject): void;
  onProblem(path: string, problem: string | null): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { fields, root, path, values, onChange, onProblem, trans } = props;
  const put = (key: string, value: Json | undefined): void => {
    const next: JsonObject = {};
    for (const [name, item] of Object.entries(values)) {
      if (name !== key || value !== undefined) {
        set(next, name, name === key ? (value as Json) : item);
      }
    }
    if (value !== undefined && !Object.hasOwn(values, key)) {
      set(next, key, value);
    }
    onChange(next);
  };
  return (
    <>
      {fields.map(field => {
        const here = path ? `${path}.${field.key}` : field.key;
        const value = Object.hasOwn(values, field.key)
          ? values[field.key]
          : undefined;
        if (field.kind === 'group') {
          return (
            <fieldset className="jp-mldeploy-Group" key={field.key}>
              <legend>{field.key}</legend>
              <Fields
                fields={field.fields}
                root={root}
                path={here}
                values={isObject(value) ? value : {}}
                onChange={next => put(field.key, next)}
                onProblem={onProblem}
                trans={trans}
              />
            </fieldset>
          );
        }
        const grid = table(field, root, value);
        if (grid) {
          return (
            <fieldset className="jp-mldeploy-Group" key={field.key}>
              <legend>{field.key}</legend>
              <GridView
                label={field.key}
                grid={grid}
                onChange={next => put(field.key, gridValue(next))}
                trans={trans}
              />
            </fieldset>
          );
        }
        // The names of a payload are shown as they are sent.
        const asIs: IField = {
          ...field,
          label: field.key,
          unit: '',
          kind:
            field.kind === 'list' || field.kind === 'table'
              ? 'json'
              : field.kind
        };
        return (
          <FieldRow
            key={field.key}
            field={asIs}
            value={value}
            onChange={next => put(field.key, next)}
            onProblem={problem => onProblem(here, problem)}
            trans={trans}
          />
        );
      })}
    </>
  );
}

function table(
  field: IField,
  root: object,
  value: Json | undefined
): IGrid | null {
  if (field.kind !== 'table' && field.kind !== 'list') {
    return null;
  }
  const grid = gridOf(field.schema, root, value ?? []);
  return grid && grid.rows.length * grid.columns.length <= MOST_CELLS
    ? grid
    : null;
}
