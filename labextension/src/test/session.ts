import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ApiClient, IInvocation, IInvokeRequest } from '../api';
import { describe } from '../api';

/** What is sent: a text with its content type, or a file. */
export type Body =
  | { kind: 'text'; text: string; contentType: string }
  | { kind: 'file'; file: File; contentType: string };

/** A request that was sent, and what came of it. */
export interface IExchange {
  /** Grows with every request of the session. */
  readonly number: number;
  /** Epoch milliseconds. */
  readonly sent: number;
  readonly body: Body;
  readonly headers: Record<string, string>;
  /** Null while it is awaited, and when there was none. */
  readonly answer: IInvocation | null;
  /** Why there was no answer. */
  readonly failure: string | null;
  readonly pending: boolean;
}

/** Exchanges that are kept. */
export const KEPT = 30;
/** Largest file that is sent, in bytes; it travels as text inside of JSON. */
export const LARGEST_FILE = 64 * 1024 * 1024;

/** The header by which a caller names the deployment that shall answer, as Azure ML has it. */
export const DEPLOYMENT_HEADER = 'azureml-model-deployment';

/** The test requests of one service; it outlives the tab that shows them. */
export class TestSession implements IDisposable {
  constructor(
    private readonly client: ApiClient,
    readonly name: string
  ) {}

  /** The exchanges, the newest first. */
  get history(): readonly IExchange[] {
    return this._history;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Send one request and keep it in the history; never rejects. */
  async send(body: Body, headers: Record<string, string>): Promise<IExchange> {
    const exchange: IExchange = {
      number: ++this._count,
      sent: Date.now(),
      body,
      headers,
      answer: null,
      failure: null,
      pending: true
    };
    this._history = [exchange, ...this._history].slice(0, KEPT);
    this._changed.emit();
    let ended: IExchange;
    try {
      const answer = await this.invoke(body, headers);
      ended = { ...exchange, answer, pending: false };
    } catch (error) {
      ended = { ...exchange, failure: describe(error), pending: false };
    }
    this._history = this._history.map(item =>
      item.number === ended.number ? ended : item
    );
    this._changed.emit();
    return ended;
  }

  /** Send one request that no history keeps. */
  async invoke(
    body: Body,
    headers: Record<string, string>
  ): Promise<IInvocation> {
    const request: IInvokeRequest = {
      ...(body.kind === 'text'
        ? { text: body.text }
        : { base64: await base64(body.file) }),
      content_type: body.contentType,
      headers
    };
    return this.client.invoke(this.name, request);
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._history = [];
      Signal.clearData(this);
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _history: readonly IExchange[] = [];
  private _count = 0;
  private _isDisposed = false;
}

/** The sessions of the services that were looked at last. */
export class TestSessions {
  constructor(private readonly client: ApiClient) {}

  get(name: string, uid: string): TestSession {
    const found = this._known.get(uid) ?? new TestSession(this.client, name);
    this._known.delete(uid);
    this._known.set(uid, found);
    for (const [old, session] of this._known) {
      if (this._known.size <= MOST_SESSIONS) {
        break;
      }
      this._known.delete(old);
      session.dispose();
    }
    return found;
  }

  private readonly _known = new Map<string, TestSession>();
}

const MOST_SESSIONS = 20;

/** Return a file's bytes as base64. */
async function base64(file: File): Promise<string> {
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(',') + 1);
}
