/** What a service is asked to record, and how what a replay found is shown. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { IRecording, IRecordingRequest } from '../api';
import {
  type Json,
  isNumber,
  isObject,
  parseJson,
  writeJson
} from '../forms/json';

/** Rows of the table, and places of one row, that are shown; a browser stalls over thousands of rows. */
export const MOST_ROWS = 200;
export const MOST_PLACES = 3;
/** Characters of JSON in a cell, before it is cut, and of a value beside its place. */
const CELL = 40;
const VALUE = 24;

/** What stands in the fields of the recording. */
export interface IRecordingDraft {
  /** Share of the requests in percent. */
  readonly share: string;
  /** Names of fields to leave out, with commas between them. */
  readonly deny: string;
}

/** One place where two answers differ. */
export interface IPlaceChanged {
  readonly path: string;
  readonly before: Json;
  readonly after: Json;
  /** Of two numbers the difference, else null. */
  readonly absolute: number | null;
  /** The same in percent of what was before; null from 0. */
  readonly relative: number | null;
}

/** A request whose answer is another one now. */
export interface IAnswerChanged {
  readonly body: Json;
  readonly before: Json;
  readonly after: Json;
  readonly statusBefore: number | null;
  /** Null when there was no answer. */
  readonly statusAfter: number | null;
  /** Why there is no answer to compare. */
  readonly error: string | null;
  readonly places: readonly IPlaceChanged[];
}

/** What a replay found. */
export interface IReplay {
  readonly revision: number | null;
  readonly sent: number;
  readonly same: number;
  /** Answers with other content. */
  readonly changed: number;
  /** Requests that were answered, and are refused now or get no answer. */
  readonly failed: number;
  readonly largest: IPlaceChanged | null;
  readonly answers: readonly IAnswerChanged[];
}

/** Return what the fields hold when nobody has typed: what the service does now, or all requests when it does nothing. */
export function draftOf(now: IRecording | null): IRecordingDraft {
  return {
    share: now?.rate ? percent(now.rate) : '100',
    deny: now?.deny.join(', ') ?? ''
  };
}

/** Return what the fields mean, or what is wrong with them. */
export function readRecording(
  draft: IRecordingDraft,
  now: IRecording | null,
  trans: TranslationBundle
): IRecordingRequest | string {
  const share = Number(draft.share.trim() || NaN);
  if (!(share > 0 && share <= 100)) {
    return trans.__(
      'Share: a number of percent above 0, at most 100. “Stop recording” is for none.'
    );
  }
  const names = draft.deny.split(',').map(name => name.trim());
  return {
    rate: share / 100,
    deny: [...new Set(names.filter(Boolean))],
    ...largest(now)
  };
}

/** Return what switches the recording off. */
export function noRecording(now: IRecording | null): IRecordingRequest {
  return { rate: 0, deny: [], ...largest(now) };
}

/** Return what a service records now, as sentences. */
export function recordingText(
  now: IRecording,
  trans: TranslationBundle
): string {
  const held = trans._n(
    'Its log holds %1 recorded request.',
    'Its log holds %1 recorded requests.',
    now.total
  );
  if (now.rate === 0) {
    return `${trans.__('The service records none of its requests.')} ${held}`;
  }
  const share =
    now.rate === 1
      ? trans.__('The service records all of its requests.')
      : trans.__(
          'The service records %1 percent of its requests.',
          percent(now.rate)
        );
  return now.deny.length > 0
    ? `${share} ${trans.__('Left out: %1.', now.deny.join(', '))} ${held}`
    : `${share} ${held}`;
}

/** Return the tolerance that a field means, or what is wrong with it. */
export function readTolerance(
  text: string,
  trans: TranslationBundle
): number | string {
  const value = Number(text.trim() || NaN);
  return value >= 0 && Number.isFinite(value)
    ? value
    : trans.__('Tolerance: a number, 0 or more.');
}

/** Read the operation of a replay that succeeded, as the server wrote it. */
export function readReplay(text: string): IReplay {
  const result = at(parseJson(text), 'result');
  const answers = list(at(result, 'answers')).map(answer);
  const sent = number(at(result, 'requests')) ?? 0;
  const others = number(at(result, 'changed')) ?? answers.length;
  const failed = answers.filter(hasFailed).length;
  const most = at(result, 'largest');
  return {
    revision: number(at(result, 'revision')),
    sent,
    same: sent - others,
    changed: others - failed,
    failed,
    largest: isObject(most) ? place(most) : null,
    answers
  };
}

/** Whether a request was answered, and is refused now or gets no answer. */
export function hasFailed(item: IAnswerChanged): boolean {
  return (
    item.error !== null ||
    ((item.statusAfter ?? 0) >= 400 && (item.statusBefore ?? 0) < 400)
  );
}

/** Return how many requests were sent, and what became of them. */
export function summary(found: IReplay, trans: TranslationBundle): string {
  return [
    trans._n('%1 request sent', '%1 requests sent', found.sent),
    trans._n('%1 answer the same', '%1 answers the same', found.same),
    trans.__('%1 changed', found.changed),
    trans.__('%1 failed', found.failed)
  ].join(' · ');
}

/** Return by how much an answer has changed, one text a place, the first ones only. */
export function howMuch(
  item: IAnswerChanged,
  trans: TranslationBundle
): string[] {
  if (item.error !== null) {
    return [item.error];
  }
  const texts =
    item.statusAfter === item.statusBefore
      ? []
      : [
          trans.__(
            'status %1 → %2',
            item.statusBefore ?? '–',
            item.statusAfter ?? '–'
          )
        ];
  texts.push(
    ...item.places.slice(0, MOST_PLACES).map(each => placeText(each, trans))
  );
  const more = item.places.length - MOST_PLACES;
  if (more > 0) {
    texts.push(trans._n('and %1 more place', 'and %1 more places', more));
  }
  return texts;
}

/** Return a place where two answers differ, with both values, and of two numbers by how much. */
export function placeText(
  item: IPlaceChanged,
  trans: TranslationBundle
): string {
  const before = cut(writeJson(item.before), VALUE);
  const after = cut(writeJson(item.after), VALUE);
  const text = `${item.path}: ${before} → ${after}`;
  if (item.absolute === null) {
    return text;
  }
  const change = `${item.absolute > 0 ? '+' : ''}${digits(item.absolute, 6)}`;
  return item.relative === null
    ? trans.__('%1 (%2)', text, change)
    : trans.__('%1 (%2, %3 percent)', text, change, digits(item.relative, 3));
}

/** Return the beginning of a text that is too long. */
export function cut(text: string, most = CELL): string {
  const characters = [...text.slice(0, 2 * most + 2)]; // no half of a surrogate pair
  return characters.length > most
    ? `${characters.slice(0, most - 1).join('')}…`
    : text;
}

/** Return a share in percent as people write it: 29 and not 28.999999999999996. */
function percent(rate: number): string {
  return digits(rate * 100, 6);
}

function digits(value: number, most: number): string {
  return String(Number(value.toPrecision(most)));
}

/** The size that somebody else has chosen stays: it has no field here. */
function largest(now: IRecording | null): { max_bytes?: number } {
  return now === null ? {} : { max_bytes: now.max_bytes };
}

function answer(value: Json): IAnswerChanged {
  const error = at(value, 'error');
  return {
    body: at(value, 'body'),
    before: at(value, 'before'),
    after: at(value, 'after'),
    statusBefore: number(at(value, 'status_before')),
    statusAfter: number(at(value, 'status_after')),
    error: typeof error === 'string' ? error : null,
    places: list(at(value, 'differences')).map(place)
  };
}

function place(value: Json): IPlaceChanged {
  return {
    path: String(at(value, 'path') ?? ''),
    before: at(value, 'before'),
    after: at(value, 'after'),
    absolute: number(at(value, 'absolute')),
    relative: number(at(value, 'relative'))
  };
}

function at(value: Json, key: string): Json {
  return isObject(value) ? (value[key] ?? null) : null;
}

function list(value: Json): Json[] {
  return Array.isArray(value) ? value : [];
}

function number(value: Json): number | null {
  return isNumber(value) ? Number(value) : null;
}
