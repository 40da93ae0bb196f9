import type { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';

import { RequestRates } from './rates';
import { ApiClient, Permissions, ServiceStore, StreamClient } from './api';
import type { IDeployments } from './tokens';

/** The deployments of one Jupyter server. */
export class Deployments implements IDeployments {
  constructor(
    settings: ServerConnection.ISettings,
    readonly trans: TranslationBundle
  ) {
    this.client = new ApiClient(settings);
    this.stream = new StreamClient(settings);
    this.rates = new RequestRates(settings);
    this.services = new ServiceStore(this.client, this.stream);
    this.permissions = new Permissions(this.client, this.stream);
    void this.permissions.refresh();
  }

  readonly client: ApiClient;
  readonly stream: StreamClient;
  readonly services: ServiceStore;
  readonly permissions: Permissions;
  readonly rates: RequestRates;

  get shown(): ISignal<this, { name: string; tab?: string }> {
    return this._shown;
  }

  show(name: string, tab?: string): void {
    this._shown.emit({ name, tab });
  }

  private readonly _shown = new Signal<this, { name: string; tab?: string }>(
    this
  );
}
