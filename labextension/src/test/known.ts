import type { TranslationBundle } from '@jupyterlab/translation';

import { describe } from '../api';
import {
  type Json,
  type JsonObject,
  fromPlain,
  parseJson
} from '../forms/json';
import type { IServiceDocument } from '../forms/schema';
import { inputSchema } from '../forms/schema';
import type { IServiceTabContext } from '../tokens';
import type { IInput } from './form';
import { inputOf } from './form';

/** How a request is edited. */
export type Mode = 'form' | 'raw' | 'file';

/** What is known of a service's input. */
export interface IKnown {
  input: IInput | null;
  sample: Json;
  /** Why there is no form. */
  why: string | null;
}

/** Read the schema of a service; one that cannot be read leaves the text editor. */
export async function learn(
  context: IServiceTabContext,
  trans: TranslationBundle
): Promise<IKnown> {
  try {
    const document = await context.deployments.client.schema(
      context.name,
      '3.1'
    );
    const schema = inputSchema(document as IServiceDocument);
    const sample =
      schema?.example === undefined ? {} : fromPlain(schema.example);
    const input = inputOf(schema, document, sample);
    const why = input
      ? null
      : trans.__(
          'There is no form: the service has no schema. Give run() an @input_schema with a sample.'
        );
    return { input, sample, why };
  } catch (error) {
    return {
      input: null,
      sample: {},
      why: trans.__('There is no form: %1', describe(error))
    };
  }
}

/** Return what edge cases are made from: the request in the editor, or else the sample. */
export function sampleNow(
  mode: Mode,
  values: JsonObject,
  raw: string,
  known: IKnown
): Json {
  if (mode === 'form') {
    return values;
  }
  try {
    return mode === 'raw' ? parseJson(raw) : known.sample;
  } catch {
    return known.sample;
  }
}
