import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { API_PATH } from './request';
import { ApiError } from './errors';
import type { IErrorBody, IEvent, ILogLine, IOperation } from './types';

/** Lines of a service's log, in order, each once. */
export interface ILogMessage {
  service: string;
  uid: string;
  lines: ILogLine[];
  cursor: string;
}

/** What a subscriber wants to know. */
export interface IHandlers<T> {
  onMessage(message: T): void;
  /** The subscription cannot go on; it is disposed of. */
  onError?(error: ApiError): void;
  /** Nothing will follow: the service was deleted. */
  onEnded?(): void;
}

interface ISubscription {
  readonly id: string;
  /** Return what to send so that the messages go on where the last one ended. */
  request(): object;
  receive(message: IMessage): void;
  fail(error: ApiError): void;
}

interface IMessage {
  type:
    | 'subscribed'
    | 'unsubscribed'
    | 'logs'
    | 'ended'
    | 'events'
    | 'operations'
    | 'error';
  id: string | null;
  [key: string]: unknown;
}

/** Milliseconds before the first new attempt, and at most between two. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 15000;

/**
 * One WebSocket for everything that changes, whatever the number of panels that look.
 *
 * It is open while there are subscriptions. After a break it comes back by itself, and every subscription goes on
 * after the last message it got: nothing is lost and nothing comes twice.
 */
export class StreamClient implements IDisposable {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /** Emitted with true when the stream is connected, with false when it has lost the connection. */
  get connectionChanged(): ISignal<this, boolean> {
    return this._connectionChanged;
  }

  get isConnected(): boolean {
    return this._isConnected;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Follow a service's log: the last `limit` lines, then whatever comes.
   *
   * @param options - with `uid` and `cursor` of an earlier message it goes on after that one.
   */
  logs(
    options: { service: string; limit?: number; uid?: string; cursor?: string },
    handlers: IHandlers<ILogMessage>
  ): IDisposable {
    let { uid, cursor } = options;
    return this.subscribe(
      () => ({
        channel: 'logs',
        service: options.service,
        ...(options.limit !== undefined && { limit: options.limit }),
        ...(uid !== undefined && { uid }),
        ...(cursor !== undefined && { cursor })
      }),
      handlers,
      message => {
        uid = message.uid as string;
        cursor = message.cursor as string;
        handlers.onMessage(message as unknown as ILogMessage);
      }
    );
  }

  /** Follow events: those after `after`, or only what happens from now on. */
  events(
    options: { after?: number; service?: string },
    handlers: IHandlers<IEvent[]>
  ): IDisposable {
    let after = options.after;
    return this.subscribe(
      () => ({
        channel: 'events',
        ...(options.service !== undefined && { service: options.service }),
        ...(after !== undefined && { after })
      }),
      handlers,
      message => {
        after = message.seq as number;
        handlers.onMessage(message.events as IEvent[]);
      }
    );
  }

  /** Follow operations: all that there are, then those that change. */
  operations(handlers: IHandlers<IOperation[]>): IDisposable {
    const versions = new Map<string, number>();
    return this.subscribe(
      () => ({ channel: 'operations' }),
      handlers,
      message => {
        // After a break the server tells all of them again.
        const changed = (message.operations as IOperation[]).filter(
          item => versions.get(item.id) !== item.version
        );
        changed.forEach(item => versions.set(item.id, item.version));
        if (changed.length > 0) {
          handlers.onMessage(changed);
        }
      }
    );
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._subscriptions.clear();
    this._hangUp();
    Signal.clearData(this);
  }

  private subscribe<T>(
    request: () => object,
    handlers: IHandlers<T>,
    receive: (message: IMessage) => void
  ): IDisposable {
    const id = String(++this._count);
    let isDisposed = false;
    const end = () => {
      isDisposed = true;
      this._subscriptions.delete(id);
      if (this._subscriptions.size === 0) {
        this._hangUp();
      }
    };
    const subscription: ISubscription = {
      id,
      request: () => ({ type: 'subscribe', id, ...request() }),
      receive: message => {
        if (message.type === 'ended') {
          end();
          handlers.onEnded?.();
        } else if (message.type !== 'subscribed') {
          receive(message);
        }
      },
      fail: error => {
        end();
        handlers.onError?.(error);
      }
    };
    this._subscriptions.set(id, subscription);
    if (this._isConnected) {
      this._send(subscription.request());
    } else {
      this._connect();
    }
    return {
      get isDisposed() {
        return isDisposed;
      },
      dispose: () => {
        if (!isDisposed) {
          if (this._isConnected) {
            this._send({ type: 'unsubscribe', id });
          }
          end();
        }
      }
    };
  }

  private _connect(): void {
    if (this._socket !== null || this._timer !== null || this._isDisposed) {
      return;
    }
    const { wsUrl, token, appendToken, WebSocket } = this.settings;
    let url = URLExt.join(wsUrl, API_PATH, 'stream');
    if (appendToken && token !== '') {
      url += `?token=${encodeURIComponent(token)}`;
    }
    const socket = new WebSocket(url);
    this._socket = socket;
    socket.onopen = () => {
      this._isConnected = true;
      this._retryMs = FIRST_RETRY_MS;
      this._subscriptions.forEach(item => this._send(item.request()));
      this._connectionChanged.emit(true);
    };
    socket.onmessage = event => this._receive(event.data as string);
    socket.onclose = () => {
      if (this._socket === socket) {
        this._lost();
      }
    };
  }

  private _lost(): void {
    const was = this._isConnected;
    this._socket = null;
    this._isConnected = false;
    if (this._subscriptions.size > 0) {
      // The random part keeps the clients of a server that has restarted from coming back all at once.
      const wait = this._retryMs * (0.75 + Math.random() / 2);
      this._retryMs = Math.min(this._retryMs * 2, LONGEST_RETRY_MS);
      this._timer = window.setTimeout(() => {
        this._timer = null;
        this._connect();
      }, wait);
    }
    if (was) {
      this._connectionChanged.emit(false);
    }
  }

  private _receive(text: string): void {
    const message = JSON.parse(text) as IMessage;
    const subscription = this._subscriptions.get(message.id ?? '');
    if (subscription === undefined) {
      return; // it was ended while the message was on its way
    }
    if (message.type === 'error') {
      subscription.fail(new ApiError(409, message.error as IErrorBody));
    } else {
      subscription.receive(message);
    }
  }

  private _send(message: object): void {
    this._socket?.send(JSON.stringify(message));
  }

  private _hangUp(): void {
    if (this._timer !== null) {
      window.clearTimeout(this._timer);
      this._timer = null;
    }
    const socket = this._socket;
    this._socket = null;
    this._isConnected = false;
    this._retryMs = FIRST_RETRY_MS;
    socket?.close();
  }

  private readonly _subscriptions = new Map<string, ISubscription>();
  private readonly _connectionChanged = new Signal<this, boolean>(this);
  private _socket: WebSocket | null = null;
  private _isConnected = false;
  private _isDisposed = false;
  private _timer: number | null = null;
  private _retryMs = FIRST_RETRY_MS;
  private _count = 0;
}
