import { ServerConnection } from '@jupyterlab/services';
import { URLExt } from '@jupyterlab/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IService } from './api';

/** Requests between two looks. */
export interface ISample {
  /** Epoch milliseconds of the look. */
  time: number;
  requests: number;
  failed: number;
}

/** Milliseconds between two looks, and how many are kept. */
const LOOK_MS = 5000;
const KEPT = 60;
/** Milliseconds until a first look that has failed is tried again, and how often: nothing is counted before it. */
const AGAIN_MS = 1000;
const TRIES = 4;

interface ICount {
  requests: number;
  failed: number;
}

interface ISeries {
  service: IService;
  watchers: number;
  isLooking: boolean;
  last: ICount | null;
  samples: ISample[];
}

/**
 * How many requests services answer, read from their own metrics while somebody watches.
 *
 * The figures are those of the service (`GET …/metrics`, through Jupyter's proxy): all its callers count.
 */
export class RequestRates implements IDisposable {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Return what was seen of a service, the oldest first. */
  of(uid: string): readonly ISample[] {
    return this._series.get(uid)?.samples ?? [];
  }

  /** Look at a service until the result is disposed of; what was seen is kept. */
  watch(service: IService): IDisposable {
    const series = this._series.get(service.uid) ?? {
      service,
      watchers: 0,
      isLooking: false,
      last: null,
      samples: []
    };
    this._series.set(service.uid, series);
    series.watchers += 1;
    series.service = service;
    if (series.watchers === 1) {
      series.last = null;
      void this._look(series);
    }
    this._timer ??= window.setInterval(() => this._lookAtAll(), LOOK_MS);
    let isDisposed = false;
    return {
      get isDisposed() {
        return isDisposed;
      },
      dispose: () => {
        if (!isDisposed) {
          isDisposed = true;
          series.watchers -= 1;
        }
      }
    };
  }

  dispose(): void {
    this._isDisposed = true;
    this._stop();
    Signal.clearData(this);
  }

  private _stop(): void {
    if (this._timer !== null) {
      window.clearInterval(this._timer);
      this._timer = null;
    }
  }

  private _lookAtAll(): void {
    const watched = [...this._series.values()].filter(
      item => item.watchers > 0
    );
    if (watched.length === 0) {
      this._stop();
    } else if (!document.hidden) {
      watched.forEach(item => void this._look(item));
    }
  }

  private async _look(series: ISeries, tries = TRIES): Promise<void> {
    // One at a time: of two answers that cross on their way, the older would be taken for a new worker generation.
    if (series.isLooking) {
      return;
    }
    series.isLooking = true;
    const found = await this._read(series.service);
    series.isLooking = false;
    const { last } = series;
    if (found === null) {
      if (last === null && tries > 0) {
        window.setTimeout(() => {
          if (series.watchers > 0 && !this._isDisposed) {
            void this._look(series, tries - 1);
          }
        }, AGAIN_MS);
      }
      return;
    }
    series.last = found;
    if (last !== null) {
      // A new worker generation counts from zero again.
      const since = (now: number, before: number) =>
        now >= before ? now - before : now;
      series.samples = [
        ...series.samples,
        {
          time: Date.now(),
          requests: since(found.requests, last.requests),
          failed: since(found.failed, last.failed)
        }
      ].slice(-KEPT);
    }
    this._changed.emit();
  }

  /** Read a service's metrics; its state tells that it does not answer, so there is nothing to add to a null here. */
  private async _read(service: IService): Promise<ICount | null> {
    const origin = new URL(this.settings.baseUrl, window.location.href).origin;
    const url = URLExt.join(origin, service.proxy_uri, 'metrics');
    try {
      const response = await ServerConnection.makeRequest(
        url,
        {},
        this.settings
      );
      return response.ok ? count(await response.text()) : null;
    } catch {
      return null;
    }
  }

  private readonly _series = new Map<string, ISeries>();
  private readonly _changed = new Signal<this, void>(this);
  private _timer: number | null = null;
  private _isDisposed = false;
}

/** Read scoring requests, and those answered with 400 or more, from metrics in Prometheus' text form. */
export function count(metrics: string): ICount {
  let requests = 0;
  let failed = 0;
  for (const line of metrics.split('\n')) {
    const match =
      /^mldeploy_requests_total\{route="score",method="[A-Z]+",status="(\d+)"\} (\d+)/.exec(
        line
      );
    if (match) {
      requests += Number(match[2]);
      failed += Number(match[1]) >= 400 ? Number(match[2]) : 0;
    }
  }
  return { requests, failed };
}
