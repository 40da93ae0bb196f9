/** What the deploy form holds, and what it makes of it; no page is needed to test it. */

import type { JSONObject, JSONValue } from '@lumino/coreutils';

import type { ApiError, IDeployRequest, IFinding, ITarget } from '../api';
import type { Json, JsonObject } from '../forms/json';
import { fromPlain, isObject, toPlain } from '../forms/json';
import type { IField } from '../forms/fields';
import { fieldsOf, label } from '../forms/fields';
import type { IJsonSchema } from '../forms/schema';
import { withoutDefaults } from '../forms/values';

/** The form's content; lists are texts with one entry a line. */
export interface IDraft {
  name: string;
  /** A script or notebook below the file browser's root; empty when a text is given. */
  path: string;
  /** With a notebook: the cell. */
  cellId: string;
  /** With a script: a folder whose files go with it. */
  folder: string;
  /** The entry script itself, when it came as text. */
  text: string | null;
  target: string;
  models: string;
  environment: string;
  pip: string;
  kernel: string;
  timeout: string;
  force: boolean;
  config: JsonObject;
}

/** Seconds that a deployment may take when nobody says. */
const TIMEOUT_S = 300;

/** Return a draft of what is known already. */
export function draftOf(request: Partial<IDeployRequest>): IDraft {
  const source = request.source ?? {};
  const path = source.path ?? source.notebook ?? '';
  const config = fromPlain(request.config ?? {});
  return {
    name: request.name ?? suggestedName(path || request.models?.[0] || ''),
    path,
    cellId: source.cell_id ?? '',
    folder: source.source_directory ?? '',
    text: source.text ?? null,
    target: request.target ?? 'local',
    models: (request.models ?? []).join('\n'),
    environment: request.environment ?? '',
    pip: (request.pip ?? []).join('\n'),
    kernel: request.kernel ?? '',
    timeout: String(request.timeout_s ?? TIMEOUT_S),
    force: request.force ?? false,
    config: isObject(config) ? config : {}
  };
}

/** Return the request of a draft; what equals a default is left out. */
export function requestOf(draft: IDraft, fields: IField[]): IDeployRequest {
  const config = plainConfig(draft.config, fields);
  const models = linesOf(draft.models);
  const pip = linesOf(draft.pip);
  return {
    name: draft.name.trim(),
    source: sourceOf(draft),
    target: draft.target,
    ...(models.length > 0 && { models }),
    ...(draft.environment.trim() && { environment: draft.environment.trim() }),
    ...(pip.length > 0 && { pip }),
    ...(draft.kernel && { kernel: draft.kernel }),
    ...(Object.keys(config).length > 0 && { config }),
    ...(draft.force && { force: true }),
    timeout_s: Number(draft.timeout) || TIMEOUT_S
  };
}

/** Return a configuration as it is sent: without defaults, and without keys that the target does not have. */
export function plainConfig(config: JsonObject, fields: IField[]): JSONObject {
  const known = new Set(fields.map(field => field.key));
  // A key that another target had and this one has not is dropped; switching back brings it again.
  const own = Object.entries(config).filter(([key]) => known.has(key));
  return toPlain(
    withoutDefaults(fields, Object.fromEntries(own))
  ) as JSONObject;
}

function sourceOf(draft: IDraft): IDeployRequest['source'] {
  const path = draft.path.trim();
  if (draft.text !== null) {
    return { text: draft.text };
  }
  if (isNotebook(path)) {
    return { notebook: path, ...(draft.cellId && { cell_id: draft.cellId }) };
  }
  const folder = draft.folder.trim();
  return path === ''
    ? {}
    : { path, ...(folder && { source_directory: folder }) };
}

/** Whether a path is that of a notebook. */
export function isNotebook(path: string): boolean {
  return path.trim().endsWith('.ipynb');
}

/** Return the fields of a target's configuration. */
export function configFields(target: ITarget | undefined): IField[] {
  return target?.configuration
    ? fieldsOf(target.configuration as unknown as IJsonSchema)
    : [];
}

/** Return a name for a service made from a path: what its rule allows of the file's name. */
export function suggestedName(path: string): string {
  const parts = path.split('/').filter(part => part !== '');
  const file = (parts.pop() ?? '').replace(/\.[^.]+$/, '');
  // Every entry script is called score.py; its folder says more.
  const base = /^(?:score|main|entry|model)$/i.test(file)
    ? (parts.pop() ?? file)
    : file;
  const name = base
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 32)
    .replace(/-+$/, '');
  return name.length >= 3 ? name : name ? `${name}-service` : '';
}

export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}

/** Return why a field cannot be set on a target, or undefined when it can. */
export function whyNot(
  field: IField,
  capabilities: JSONObject | null | undefined
): string | undefined {
  const needed = field.capability;
  if (!needed || !capabilities || capabilities[needed] !== false) {
    return undefined;
  }
  const reasons = capabilities.why_not as JSONObject | undefined;
  return String(reasons?.[needed] ?? needed.replace(/_/g, ' '));
}

/** Return what a target cannot do and a user could expect, with the reasons. */
export function missing(
  capabilities: JSONObject | null | undefined
): [string, string][] {
  const reasons = (capabilities?.why_not ?? {}) as JSONObject;
  return Object.entries(reasons)
    .filter(([name]) => capabilities?.[name] === false)
    .map(([name, reason]) => [label(name), String(reason)]);
}

/** What the server found wrong, by the part of the form that it is about. */
export interface IProblems {
  /** Key of the configuration → what is wrong. */
  config: Record<string, string>;
  /** `name`, `source`, `models`, `environment`, `pip`, `kernel`, `timeout_s`, `target` → what is wrong. */
  fields: Record<string, string>;
  /** What stands beside no field. */
  rest: string[];
  /** What is wrong in the entry script. */
  findings: IFinding[];
}

const FIELDS = new Set([
  'name',
  'source',
  'models',
  'environment',
  'pip',
  'kernel',
  'timeout_s',
  'target',
  'force'
]);

/** Sort the problems of a refusal to the fields that they are about. */
export function problemsOf(error: ApiError, keys: Set<string>): IProblems {
  const found: IProblems = { config: {}, fields: {}, rest: [], findings: [] };
  const { details } = error.body;
  const listed = (details.problems ?? []) as JSONValue[];
  const items = listed.filter(
    (item): item is { field: string; message: string } =>
      typeof item === 'object' && item !== null && 'field' in item
  );
  const diagnostics = details.diagnostics as unknown as IFinding[] | undefined;
  if (diagnostics && diagnostics.length > 0) {
    found.findings = diagnostics;
    found.fields.source = error.message;
    return found;
  }
  const isConfig = error.code === 'invalid_configuration';
  for (const item of items.length > 0 ? items : single(error)) {
    const [first, second] = item.field.split('.');
    // A fault of several keys together begins with the one that it is about.
    const named = /^\w+/.exec(item.message)?.[0] ?? '';
    const whole = first === '(configuration)' ? named : first;
    const key = isConfig ? whole : first === 'config' ? second : undefined;
    if (key !== undefined && keys.has(key)) {
      found.config[key] = item.message;
    } else if (!isConfig && FIELDS.has(first)) {
      found.fields[first] = item.message;
    } else if (first === 'entry_script' || first === 'cells') {
      found.fields.source = item.message;
    } else {
      found.rest.push(
        item.field.startsWith('(')
          ? item.message
          : `${item.field}: ${item.message}`
      );
    }
  }
  if (error.hint && items.length > 0 && found.rest.length > 0) {
    found.rest.push(error.hint);
  }
  return found;
}

function single(error: ApiError): { field: string; message: string }[] {
  const field = error.body.details.field;
  const message = error.hint ? `${error.message} ${error.hint}` : error.message;
  return [{ field: typeof field === 'string' ? field : '(request)', message }];
}

/** Return a configuration with one key changed. */
export function withKey(
  config: JsonObject,
  key: string,
  value: Json | undefined
): JsonObject {
  const rest = Object.entries(config).filter(([name]) => name !== key);
  return Object.fromEntries(
    value === undefined ? rest : [...rest, [key, value]]
  );
}
