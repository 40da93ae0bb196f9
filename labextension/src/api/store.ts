import { Debouncer } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ApiClient } from './client';
import { ApiError } from './errors';
import type { StreamClient } from './stream';
import { concernsService } from '../ui/work';
import type { IOperation, IService } from './types';

/** Milliseconds between an event and the list that follows it, and between two looks while somebody watches. */
const SETTLE_MS = 60;
const LOOK_MS = 30000;

/**
 * The services and operations of the server's store, kept fresh while somebody watches.
 *
 * Everything on the screen reads from here: a saved output, a panel and the status bar always agree.
 */
export class ServiceStore implements IDisposable {
  constructor(
    private readonly client: ApiClient,
    private readonly stream: StreamClient
  ) {
    this._refresher = new Debouncer(() => this._list(), SETTLE_MS);
  }

  /** Emitted when a service or an operation has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** All services by name. */
  get services(): readonly IService[] {
    return this._services;
  }

  /** The operations that run, and those that have ended since the page was opened. */
  get operations(): readonly IOperation[] {
    return [...this._operations.values()];
  }

  /** Whether the list has been read at least once. */
  get isReady(): boolean {
    return this._isReady;
  }

  /** Why the list cannot be read, or null. */
  get error(): ApiError | null {
    return this._error;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Find a service in the server's store; with `uid` only that one, not a later one of the same name. */
  find(name: string, uid?: string): IService | undefined {
    const found = this._byName.get(name);
    return uid === undefined || found?.uid === uid ? found : undefined;
  }

  /** Return the operation that runs for a service. */
  running(name: string): IOperation | undefined {
    for (const item of this._operations.values()) {
      if (
        item.service === name &&
        item.state === 'running' &&
        concernsService(item.kind)
      ) {
        return item;
      }
    }
    return undefined;
  }

  /**
   * Keep the store fresh until the result is disposed of.
   *
   * @param options - with `look` the services themselves are on the screen: the server then compares them with the
   * truth every few seconds. Without, only what becomes known is told, which costs next to nothing.
   */
  watch(options: { look?: boolean } = {}): IDisposable {
    const look = options.look ?? true;
    this._watchers += 1;
    this._lookers += look ? 1 : 0;
    if (this._watchers === 1) {
      this._start();
    } else if (look && this._lookers === 1) {
      void this._list();
    }
    let isDisposed = false;
    return {
      get isDisposed() {
        return isDisposed;
      },
      dispose: () => {
        if (!isDisposed) {
          isDisposed = true;
          this._watchers -= 1;
          this._lookers -= look ? 1 : 0;
          if (this._watchers === 0) {
            this._stop();
          }
        }
      }
    };
  }

  /** Read the list again. */
  async refresh(): Promise<void> {
    let asked = this._list();
    // When somebody has asked again meanwhile, only that later answer is shown.
    for (;;) {
      await asked;
      if (asked === this._latest) {
        return;
      }
      asked = this._latest;
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._stop();
      this._refresher.dispose();
      Signal.clearData(this);
    }
  }

  private _start(): void {
    this._subscriptions = [
      this.stream.events(
        {},
        { onMessage: () => void this._refresher.invoke() }
      ),
      this.stream.operations({
        onMessage: operations => {
          operations.forEach(item => this._operations.set(item.id, item));
          this._changed.emit();
          if (operations.some(item => item.state !== 'running')) {
            void this._refresher.invoke();
          }
        }
      })
    ];
    this.stream.connectionChanged.connect(this._onConnection, this);
    this._timer = window.setInterval(() => {
      if (!document.hidden && this._lookers > 0) {
        void this._list();
      }
    }, LOOK_MS);
    void this._list();
  }

  private _stop(): void {
    this._subscriptions.forEach(item => item.dispose());
    this._subscriptions = [];
    this.stream.connectionChanged.disconnect(this._onConnection, this);
    if (this._timer !== null) {
      window.clearInterval(this._timer);
      this._timer = null;
    }
  }

  private _onConnection(_: StreamClient, connected: boolean): void {
    if (connected) {
      this._isSettled = false;
      void this._list();
    }
  }

  /** Find out what became of work that ran when the connection was lost: its server may have ended with it. */
  private async _settle(): Promise<void> {
    const running = [...this._operations.values()].filter(
      item => item.state === 'running'
    );
    if (running.length === 0) {
      this._isSettled = true;
      return;
    }
    let now: Map<string, IOperation>;
    try {
      const found = await this.client.operations();
      now = new Map(found.map(item => [item.id, item]));
    } catch {
      return; // asked again with the next list
    }
    this._isSettled = true;
    for (const { id } of running) {
      const found = now.get(id);
      if (found === undefined) {
        this._operations.delete(id);
      } else if (found.state !== 'running') {
        this._operations.set(id, found);
      }
    }
    this._changed.emit();
  }

  private _list(): Promise<void> {
    this._latest = this._read();
    return this._latest;
  }

  private async _read(): Promise<void> {
    // Of two answers that cross on their way only the one asked for later counts.
    const asked = ++this._asked;
    try {
      const { services } = await this.client.services();
      if (asked !== this._asked || this._isDisposed) {
        return;
      }
      this._services = services;
      this._byName = new Map(services.map(item => [item.name, item]));
      this._isReady = true;
      this._error = null;
      if (!this._isSettled) {
        void this._settle();
      }
    } catch (error) {
      if (asked !== this._asked || this._isDisposed) {
        return;
      }
      if (!(error instanceof ApiError)) {
        throw error;
      }
      this._error = error;
    }
    this._changed.emit();
  }

  private readonly _refresher: Debouncer;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _operations = new Map<string, IOperation>();
  private _services: readonly IService[] = [];
  private _byName = new Map<string, IService>();
  private _subscriptions: IDisposable[] = [];
  private _watchers = 0;
  private _lookers = 0;
  private _timer: number | null = null;
  private _asked = 0;
  private _latest: Promise<void> = Promise.resolve();
  private _isReady = false;
  private _isSettled = true;
  private _isDisposed = false;
  private _error: ApiError | null = null;
}
