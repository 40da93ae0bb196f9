import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

import { ApiError, errorBody } from './errors';

/** Path of the API below the server's base URL. */
export const API_PATH = 'mldeploy/api/v1';

/**
 * Milliseconds before a question that got no answer is asked again. A browser gives up the requests that wait for a
 * connection whenever an address of its machine comes or goes, as with every container that Docker starts.
 */
const AGAIN_MS = [100, 1000];

export type Query = Record<string, string | number | boolean | undefined>;

export interface IAsking {
  /** Gives the request up. */
  signal?: AbortSignal;
  /** A POST that changes nothing: like every GET it may be sent again when no answer comes. */
  isQuestion?: boolean;
  /** The answer is returned as it came: somebody else reads it. */
  isText?: boolean;
}

/**
 * Send one request to the API and return the answer, decoded unless it is asked for as text.
 *
 * @throws ApiError for every answer that is no success, and, with status 0, when none comes.
 */
export async function send<T>(
  settings: ServerConnection.ISettings,
  method: string,
  path: string,
  query: Query,
  body: unknown,
  options: IAsking
): Promise<T> {
  const { signal, isQuestion } = options;
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined
  );
  const url =
    URLExt.join(settings.baseUrl, API_PATH, path) +
    URLExt.objectToQueryString(Object.fromEntries(given) as JSONObject);
  const init: RequestInit = { method, signal: signal ?? null };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  const waits = method === 'GET' || isQuestion ? [...AGAIN_MS] : [];
  for (;;) {
    let response: Response;
    let text: string;
    try {
      response = await ServerConnection.makeRequest(url, init, settings);
      text = await response.text();
    } catch (error) {
      const wait = signal?.aborted ? undefined : waits.shift();
      if (wait === undefined) {
        const cause = error instanceof Error ? error.message : '';
        throw new ApiError(0, errorBody(0, cause));
      }
      await new Promise(resolve => window.setTimeout(resolve, wait));
      continue;
    }
    if (!response.ok) {
      throw new ApiError(response.status, errorBody(response.status, text));
    }
    return (options.isText ? text : JSON.parse(text)) as T;
  }
}
