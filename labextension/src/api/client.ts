import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

import { ApiError, isAway } from './errors';
import type { IPermissions } from './permissions';
import type * as api from './types';
import { type IAsking, type Query, send } from './request';
import type { ITraffic } from './versions';

/** Milliseconds for which an operation's server may be away, as when it is started again, and between two questions. */
const AWAY_MS = 300_000;
const ASK_MS = 1000;

/**
 * The REST API of the Jupyter server extension, typed. Every method rejects with an `ApiError`.
 */
export class ApiClient {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** Return what the user may do, and of what is refused the reason. */
  permissions(): Promise<IPermissions> {
    return this.get('permissions');
  }

  // Targets

  async targets(): Promise<api.ITarget[]> {
    return (await this.get<{ targets: api.ITarget[] }>('targets')).targets;
  }

  target(name: string): Promise<api.ITarget> {
    return this.get(`targets/${encodeURIComponent(name)}`);
  }

  /** Return how many replicas an expected load needs. */
  sizing(
    target: string,
    load: { rps: number; latency_s: number; config: JSONObject }
  ): Promise<{ replicas: number; text: string }> {
    return this.ask(`targets/${encodeURIComponent(target)}/sizing`, load);
  }

  // Services

  services(): Promise<api.IServices> {
    return this.get('services');
  }

  /** Return a service, compared with the truth just now; one that was deleted too. */
  service(name: string): Promise<api.IServiceInFull> {
    return this.get(this.path(name));
  }

  card(name: string): Promise<api.MimeBundle> {
    return this.get(this.path(name, 'card'));
  }

  async code(name: string): Promise<api.ICode[]> {
    return (await this.get<{ code: api.ICode[] }>(this.path(name, 'code')))
      .code;
  }

  /** Return code that sends one particular request. */
  async codeFor(name: string, request: api.ICodeRequest): Promise<api.ICode[]> {
    return (
      await this.ask<{ code: api.ICode[] }>(this.path(name, 'code'), request)
    ).code;
  }

  async revisions(name: string): Promise<api.IRevision[]> {
    return (await this.get<api.IRevisions>(this.path(name, 'revisions')))
      .revisions;
  }

  /**
   * Return a revision.
   *
   * @param options - with `schema` that is worked out from the script where the bundle has none; with `texts` the
   * files beside the script come with their texts.
   */
  revision(
    name: string,
    number: number,
    options: { schema?: boolean; texts?: boolean } = {}
  ): Promise<api.IRevisionInFull> {
    return this.get(this.path(name, `revisions/${number}`), {
      ...(options.schema && { schema: 1 }),
      ...(options.texts && { texts: 1 })
    });
  }

  /** Compare two revisions; without `to` with the live one. */
  diff(name: string, from: number, to?: number): Promise<api.IDifference> {
    return this.get(this.path(name, 'diff'), { from, to });
  }

  schema(
    name: string,
    version: '2' | '3' | '3.1' = '3.1'
  ): Promise<JSONObject> {
    return this.get(this.path(name, 'schema'), { version });
  }

  logs(
    name: string,
    options: { cursor?: string; uid?: string; limit?: number } = {}
  ): Promise<api.ILog> {
    return this.get(this.path(name, 'logs'), options);
  }

  invoke(name: string, request: api.IInvokeRequest): Promise<api.IInvocation> {
    return this.post(this.path(name, 'invoke'), request);
  }

  keys(name: string): Promise<api.IKeys> {
    return this.get(this.path(name, 'keys'));
  }

  regenerateKey(
    name: string,
    key: 'primary' | 'secondary'
  ): Promise<api.IKeys> {
    return this.post(this.path(name, 'keys'), { key });
  }

  // Long work: an operation that has ended, or is still running after `waitS` seconds

  plan(request: api.IDeployRequest): Promise<api.IPlan> {
    return this.ask('plan', request);
  }

  deploy(
    request: api.IDeployRequest,
    waitS = 0
  ): Promise<api.IOperationInFull> {
    return this.post('services', request, { wait_s: waitS });
  }

  update(
    name: string,
    request: api.IUpdateRequest,
    waitS = 0
  ): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'update'), request, { wait_s: waitS });
  }

  /** Serve an earlier revision again; without `to` the one that was live before the present one. */
  rollback(
    name: string,
    to: number | null = null,
    waitS = 0
  ): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'rollback'), { to }, { wait_s: waitS });
  }

  promote(
    name: string,
    request: { target: string; new_name?: string | null; config?: JSONObject },
    waitS = 0
  ): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'promote'), request, { wait_s: waitS });
  }

  /** Find out how much CPU and memory the live revision needs, with a temporary service under load. */
  profile(
    name: string,
    request: api.IProfileRequest
  ): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'profile'), request);
  }

  /** Return what a service records of its requests, and how many of them its log holds. */
  recording(name: string): Promise<api.IRecording> {
    return this.get(this.path(name, 'recording'), { limit: 0 });
  }

  /** Record a share of the requests from now on, or none; an update with the same bytes. */
  record(
    name: string,
    request: api.IRecordingRequest
  ): Promise<api.IOperationInFull> {
    return this.request('PUT', this.path(name, 'recording'), {}, request);
  }

  /** Send the recorded requests again and compare the answers. */
  replay(
    name: string,
    request: api.IReplayRequest
  ): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'replay'), request);
  }

  // Several versions of one service

  traffic(name: string): Promise<ITraffic> {
    return this.get(this.path(name, 'traffic'));
  }

  /** Divide the requests; the default version gets what remains. */
  setTraffic(
    name: string,
    request: {
      traffic?: Record<string, number>;
      default?: string;
      mirror?: Record<string, number>;
    }
  ): Promise<api.IOperationInFull> {
    return this.request('PUT', this.path(name, 'traffic'), {}, request);
  }

  createVersion(
    name: string,
    request: { version: string; revision: number; traffic: number }
  ): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'versions'), request);
  }

  deleteVersion(name: string, version: string): Promise<api.IOperationInFull> {
    return this.request('DELETE', this.version(name, version));
  }

  /** Serve one version alone. */
  finishVersion(name: string, version: string): Promise<api.IOperationInFull> {
    return this.post(`${this.version(name, version)}/finish`, undefined);
  }

  /** Raise a version's share step by step while it is no worse than the default. */
  canary(
    name: string,
    version: string,
    request: { steps: number[] }
  ): Promise<api.IOperationInFull> {
    return this.post(`${this.version(name, version)}/canary`, request);
  }

  start(name: string, waitS = 0): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'start'), {}, { wait_s: waitS });
  }

  stop(name: string, waitS = 0): Promise<api.IOperationInFull> {
    return this.post(this.path(name, 'stop'), undefined, { wait_s: waitS });
  }

  /**
   * Delete a service; its logs and history stay readable.
   *
   * @param force - only forget it where its target cannot be asked; the operation's last step says what may remain.
   */
  deleteService(name: string, force = false): Promise<api.IOperationInFull> {
    return this.request('DELETE', this.path(name), {
      ...(force && { force: 'true' })
    });
  }

  async operations(): Promise<api.IOperation[]> {
    return (await this.get<{ operations: api.IOperation[] }>('operations'))
      .operations;
  }

  operation(id: string, waitS = 0): Promise<api.IOperationInFull> {
    return this.get(`operations/${encodeURIComponent(id)}`, { wait_s: waitS });
  }

  /** Return an operation as text: a browser's own JSON would spell the numbers of its result anew. */
  operationText(id: string): Promise<string> {
    const path = `operations/${encodeURIComponent(id)}`;
    return this.request('GET', path, {}, undefined, { isText: true });
  }

  cancel(id: string): Promise<api.IOperationInFull> {
    return this.post(`operations/${encodeURIComponent(id)}/cancel`, undefined);
  }

  /**
   * Wait for an operation's end, also while the server is started again: it then knows what became of it.
   *
   * @returns the operation when it succeeded.
   * @throws ApiError when it failed, was cancelled or cut off, with the operation's error; when the server stays away.
   */
  async finished(operation: api.IOperation): Promise<api.IOperationInFull> {
    let found = await this.found(operation.id);
    while (found.state === 'running') {
      found = await this.found(operation.id);
    }
    if (found.state !== 'succeeded') {
      throw new ApiError(
        409,
        found.error ?? {
          code: 'cancelled',
          message: 'The operation was cancelled.',
          hint: null,
          cause: null,
          details: {}
        }
      );
    }
    return found;
  }

  // Models, environments, lint

  async models(): Promise<api.IModel[]> {
    return (await this.get<{ models: api.IModel[] }>('models')).models;
  }

  registerModel(
    request: api.IModelRequest,
    waitS = 0
  ): Promise<api.IOperationInFull> {
    return this.post('models', request, { wait_s: waitS });
  }

  async environments(): Promise<api.IRegisteredEnvironment[]> {
    return (
      await this.get<{ environments: api.IRegisteredEnvironment[] }>(
        'environments'
      )
    ).environments;
  }

  /** Check a text; `signal` gives the request up. */
  lint(
    request: api.ILintRequest,
    signal?: AbortSignal
  ): Promise<api.IFindings> {
    return this.ask('lint', request, signal);
  }

  rule(code: string): Promise<api.IRule> {
    return this.get(`lint/rules/${encodeURIComponent(code)}`);
  }

  // Plumbing

  /** Return an operation at its end or after a while, asking again while the server does not answer. */
  private async found(id: string): Promise<api.IOperationInFull> {
    const until = Date.now() + AWAY_MS;
    for (;;) {
      try {
        return await this.operation(id, 30);
      } catch (error) {
        if (!isAway(error) || Date.now() > until) {
          throw error;
        }
        await new Promise(resolve => window.setTimeout(resolve, ASK_MS));
      }
    }
  }

  private request<T>(
    method: string,
    path: string,
    query: Query = {},
    body?: unknown,
    options: IAsking = {}
  ): Promise<T> {
    return send(this.settings, method, path, query, body, options);
  }

  private get<T>(path: string, query: Query = {}): Promise<T> {
    return this.request('GET', path, query);
  }

  private post<T>(path: string, body: unknown, query: Query = {}): Promise<T> {
    return this.request('POST', path, query, body ?? {});
  }

  /** Send what has a body and changes nothing. */
  private ask<T>(
    path: string,
    body: unknown,
    signal?: AbortSignal
  ): Promise<T> {
    return this.request('POST', path, {}, body, { signal, isQuestion: true });
  }

  private version(name: string, version: string): string {
    return this.path(name, `versions/${encodeURIComponent(version)}`);
  }

  private path(name: string, rest = ''): string {
    return URLExt.join('services', encodeURIComponent(name), rest);
  }
}
