/** What a profile is asked for, and how what it found is shown. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { IProfileRequest, ITarget, MimeBundle } from '../api';
import type { Body, IExchange } from './session';

/** The server's limits: bodies of one profile, and seconds. */
export const MOST_BODIES = 100_000;
export const LONGEST_S = 86_400;

/** A target whose services can be measured. */
export interface IChoice {
  readonly name: string;
  readonly canLimit: { readonly cpu: boolean; readonly memory_gb: boolean };
  /** Why not here and now, or null. */
  readonly whyNot: string | null;
}

/** Return the targets whose services can be measured, those that can be used first. */
export function choices(
  targets: readonly ITarget[],
  trans: TranslationBundle
): IChoice[] {
  const found = targets.flatMap(target =>
    target.profiles
      ? [
          {
            name: target.name,
            canLimit: target.profiles,
            whyNot: !target.allowed
              ? trans.__('this Jupyter server does not deploy to it')
              : target.available
                ? null
                : (target.reason ?? trans.__('it cannot be used here'))
          }
        ]
      : []
  );
  return [
    ...found.filter(item => item.whyNot === null),
    ...found.filter(item => item.whyNot !== null)
  ];
}

/** Return why no target can measure, or null when one can. */
export function whyNone(
  found: readonly IChoice[],
  trans: TranslationBundle
): string | null {
  if (found.some(item => item.whyNot === null)) {
    return null;
  }
  return found.length === 0
    ? trans.__('No installed target can measure its services.')
    : found
        .map(item => trans.__('%1: %2', item.name, item.whyNot ?? ''))
        .join('; ');
}

/** Return the JSON texts that a profile sends, each once: the present one and, if asked for, those that were answered. */
export function bodiesOf(
  present: Body,
  history: readonly IExchange[]
): string[] {
  const answered = history
    .filter(
      ({ answer }) => answer && answer.status >= 200 && answer.status < 300
    )
    .map(({ body }) => body);
  const texts = [present, ...answered].flatMap(body =>
    isJson(body) ? [body.text] : []
  );
  return [...new Set(texts)].slice(0, MOST_BODIES);
}

/** Whether a body can be sent by a profile: it sends JSON only. */
export function isJson(body: Body): body is Body & { kind: 'text' } {
  return body.kind === 'text' && /\bjson\b/i.test(body.contentType);
}

/** What stands in the fields; empty is no limit. */
export interface IDraft {
  readonly cpu: string;
  readonly memory: string;
  readonly rate: string;
  readonly deadline: string;
}

/** Return the limits that the fields mean, or what is wrong with the first that means none. */
export function readDraft(
  draft: IDraft,
  choice: IChoice,
  trans: TranslationBundle
): Omit<IProfileRequest, 'requests'> | string {
  const cpu = choice.canLimit.cpu ? positive(draft.cpu) : undefined;
  const memory = choice.canLimit.memory_gb ? positive(draft.memory) : undefined;
  const rate = positive(draft.rate);
  const deadline = positive(draft.deadline);
  for (const [label, value] of [
    [trans.__('CPU'), cpu],
    [trans.__('Memory'), memory],
    [trans.__('Requests per second'), rate]
  ] as const) {
    if (Number.isNaN(value)) {
      return trans.__('%1: a number above 0, or nothing.', label);
    }
  }
  if (deadline === undefined || !(deadline <= LONGEST_S)) {
    return trans.__(
      'Deadline: a number of seconds above 0, at most %1.',
      LONGEST_S
    );
  }
  return {
    target: choice.name,
    ...(cpu !== undefined && { cpu }),
    ...(memory !== undefined && { memory_gb: memory }),
    ...(rate !== undefined && { requests_per_second: rate }),
    timeout_s: deadline
  };
}

/** Return the chart of an operation's card for an `<img>`, in which no script of an SVG runs; null without one. */
export function chartUrl(card: MimeBundle | null): string | null {
  const svg = card?.['image/svg+xml'];
  return typeof svg === 'string'
    ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`
    : null;
}

/** Return a figure with at most three digits that matter; a dash for none. */
export function figure(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(3)));
}

function positive(text: string): number | undefined {
  if (text.trim() === '') {
    return undefined;
  }
  const value = Number(text);
  return value > 0 && Number.isFinite(value) ? value : NaN;
}
