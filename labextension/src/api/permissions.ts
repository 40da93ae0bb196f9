import { type ISignal, Signal } from '@lumino/signaling';

import type { ApiClient } from './client';
import { ApiError } from './errors';
import type { StreamClient } from './stream';

/** What the user who asks may do. */
export interface IPermissions {
  /** The server changes nothing, whoever asks. */
  read_only: boolean;
  permissions: {
    resource: string;
    action: 'read' | 'write' | 'execute';
    allowed: boolean;
    /** Why not, for people. */
    reason: string | null;
  }[];
}

/** What can be asked for: the last part of a resource's name. */
export type Resource = 'services' | 'logs' | 'secrets' | 'invoke' | 'lint';

/**
 * What the user may do on the Jupyter server, read once and again whenever the server is found again.
 *
 * It only says beforehand what the server would refuse: as long as nobody knows, everything may be tried.
 */
export class Permissions {
  constructor(
    private readonly client: ApiClient,
    stream: StreamClient
  ) {
    stream.connectionChanged.connect((_, connected) => {
      if (connected) {
        void this.refresh();
      }
    });
  }

  /** Emitted when something is allowed or refused that was not before. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Return why the user may not do something, or null. */
  whyNot(action: 'read' | 'write' | 'execute', on: Resource): string | null {
    return this._refused.get(`${action} jupyter_mldeploy:${on}`) ?? null;
  }

  /** Ask the server. */
  async refresh(): Promise<void> {
    const asked = ++this._asked;
    let refused: [string, string][];
    try {
      const { permissions } = await this.client.permissions();
      refused = permissions
        .filter(item => !item.allowed)
        .map(item => [`${item.action} ${item.resource}`, item.reason ?? '']);
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      return; // the list of services cannot be read either, and says why
    }
    // Of two answers that cross on their way the one asked for later counts; one that never comes takes nothing away.
    if (asked < this._answered) {
      return;
    }
    this._answered = asked;
    const before = JSON.stringify([...this._refused]);
    this._refused = new Map(refused);
    if (JSON.stringify(refused) !== before) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _refused = new Map<string, string>();
  private _asked = 0;
  private _answered = 0;
}
