import { Throttler } from '@lumino/polling';
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
    // It does not wait for a pause: where something happens all the time there is none.
    this._refresher = new Throttler(() => void this._list(), {
      limit: SETTLE_MS,
      edge: 'trailing'
    });
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

  /** Read the list again; what is known afterwards is not older than the call. */
  async refresh(): Promise<void> {
    await this._list();
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
    this._work = this.stream.operations({
      onMessage: operations => {
        operations.forEach(item => this._operations.set(item.id, item));
        this._changed.emit();
        if (operations.some(item => item.state !== 'running')) {
          void this._refresher.invoke();
        }
      }
    });
    this.stream.connectionChanged.connect(this._onConnection, this);
    this._timer = window.setInterval(() => {
      if (!document.hidden && this._lookers > 0) {
        void this._list();
      }
    }, LOOK_MS);
    void this._list();
  }

  private _stop(): void {
    this._events?.dispose();
    this._work?.dispose();
    this._events = this._work = null;
    this.stream.connectionChanged.disconnect(this._onConnection, this);
    if (this._timer !== null) {
      window.clearInterval(this._timer);
      this._timer = null;
    }
  }

  /**
   * Follow events, those after the number that came with a list: none is lost between the two. When there is no list
   * yet, from now on, until there is one.
   */
  private _listen(after?: number): void {
    const isBetter = after !== undefined && !this._isGapless;
    if (this._watchers > 0 && (this._events === null || isBetter)) {
      this._events?.dispose();
      this._isGapless = after !== undefined;
      this._events = this.stream.events(
        { after },
        { onMessage: () => void this._refresher.invoke() }
      );
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

  private async _list(): Promise<void> {
    // Of two answers that cross on their way only the one asked for later counts. One that comes while another is
    // under way is shown: there may always be another.
    const asked = ++this._asked;
    try {
      const { services, seq } = await this.client.services();
      if (asked < this._answered || this._isDisposed) {
        return;
      }
      this._answered = asked;
      this._listen(seq);
      this._services = services;
      this._byName = new Map(services.map(item => [item.name, item]));
      this._isReady = true;
      this._error = null;
      if (!this._isSettled) {
        void this._settle();
      }
    } catch (error) {
      if (asked < this._answered || this._isDisposed) {
        return;
      }
      this._answered = asked;
      this._listen();
      if (!(error instanceof ApiError)) {
        throw error;
      }
      this._error = error;
    }
    this._changed.emit();
  }

  private readonly _refresher: Throttler;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _operations = new Map<string, IOperation>();
  private _services: readonly IService[] = [];
  private _byName = new Map<string, IService>();
  private _events: IDisposable | null = null;
  private _work: IDisposable | null = null;
  private _isGapless = false;
  private _watchers = 0;
  private _lookers = 0;
  private _timer: number | null = null;
  private _asked = 0;
  private _answered = 0;
  private _isReady = false;
  private _isSettled = true;
  private _isDisposed = false;
  private _error: ApiError | null = null;
}
