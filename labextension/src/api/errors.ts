import type { IErrorBody } from './types';

/**
 * A request that failed: its message is the server's sentence for people, the rest is in `body`.
 */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: IErrorBody
  ) {
    super(body.message);
    this.name = 'ApiError';
  }

  /** Stable, for programs: not_found, conflict, invalid_input, forbidden, … */
  get code(): string {
    return this.body.code;
  }

  /** What to do next. */
  get hint(): string | null {
    return this.body.hint;
  }
}

/** Whether the Jupyter server does not answer for now: it is started again, or a proxy before it has lost it. */
export function isAway(error: unknown): boolean {
  return error instanceof ApiError && [0, 502, 503, 504].includes(error.status);
}

/** What is left when a service is only forgotten, because its target cannot be asked to remove it. */
export interface IForgettable {
  /** What may still be there, as a sentence. */
  remains: string;
  /** What might make the target answer again. */
  hint: string | null;
}

/** Return what forgetting a service would mean, when that is the way out of a deletion that failed; else null. */
export function forgettable(error: unknown): IForgettable | null {
  const found = error instanceof ApiError ? error.body.details.forget : null;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    return null;
  }
  const { remains, hint } = found;
  return {
    remains: String(remains ?? ''),
    hint: typeof hint === 'string' ? hint : null
  };
}

/** Return a failure as one text for people: what failed, and what to do about it. */
export function describe(error: unknown): string {
  if (error instanceof ApiError) {
    return error.hint ? `${error.message} ${error.hint}` : error.message;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Read the body of an answer that is no success; a proxy on the way may have answered with anything. */
export function errorBody(status: number, text: string): IErrorBody {
  try {
    const body = JSON.parse(text) as Partial<IErrorBody>;
    if (body && typeof body.message === 'string') {
      return {
        code: body.code ?? 'unknown',
        message: body.message,
        hint: body.hint ?? null,
        cause: body.cause ?? null,
        details: body.details ?? {}
      };
    }
  } catch {
    // it was no JSON
  }
  return {
    code: status === 0 ? 'unreachable' : 'unknown',
    message:
      status === 0
        ? 'The Jupyter server does not answer.'
        : `The Jupyter server answered ${status}.`,
    hint: null,
    cause: text.slice(0, 500) || null,
    details: {}
  };
}
