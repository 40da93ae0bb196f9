/** A revision as texts that can stand side by side: code, environment, files, schema. */

import type { IRevisionInFull } from '../api';
import { type Json, fromPlain, isObject, writeJson } from '../forms/json';

/** What is compared. */
export type Side = 'code' | 'environment' | 'files' | 'schema';

/** Return one side of a revision as a text. */
export function textOf(revision: IRevisionInFull, side: Side): string {
  switch (side) {
    case 'code':
      return revision.source;
    case 'environment':
      return environmentText(revision);
    case 'files':
      return filesText(revision);
    case 'schema':
      return revision.schema === null
        ? ''
        : `${writeJson(sorted(fromPlain(revision.schema)), 2)}\n`;
  }
}

/** Every other file: its text below its path; of what is no text the size and the digest. */
function filesText(revision: IRevisionInFull): string {
  return revision.files
    .filter(file => file.path !== revision.entry_script)
    .map(file => {
      const text = file.text ?? `${file.size} bytes, ${file.digest}`;
      return `### ${file.path}\n${text.endsWith('\n') ? text : `${text}\n`}\n`;
    })
    .join('');
}

/** Python, models, configuration and requirements: one value a line, so that a difference is a line. */
function environmentText(revision: IRevisionInFull): string {
  const lines: string[] = [];
  const put = (path: string, value: Json): void => {
    if (Array.isArray(value)) {
      value.forEach(item => lines.push(`${path}: ${plainText(item)}`));
    } else if (isObject(value)) {
      Object.keys(value)
        .sort()
        .forEach(key => put(path ? `${path}.${key}` : key, value[key]));
    } else if (value !== null) {
      lines.push(`${path}: ${plainText(value)}`);
    }
  };
  put('', fromPlain(revision.environment));
  revision.models.forEach(model =>
    lines.push(
      `model: ${model.name}${model.version ? `:${model.version}` : ''} ${model.digest}`
    )
  );
  revision.files.forEach(file =>
    lines.push(`file: ${file.path} ${file.digest}`)
  );
  put('configuration', fromPlain(revision.config));
  return lines.map(line => `${line}\n`).join('');
}

function plainText(value: Json): string {
  return typeof value === 'string' ? value : writeJson(value);
}

/** Return a value with the keys of its objects in order. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (isObject(value)) {
    return Object.fromEntries(
      Object.keys(value)
        .sort()
        .map(key => [key, sorted(value[key])])
    );
  }
  return value;
}
