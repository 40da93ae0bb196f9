import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import * as React from 'react';

import type { IDeployments } from '../tokens';
import { Services } from './services';

/** The content of the sidebar. */
export class ServiceList extends ReactWidget {
  constructor(
    private readonly deployments: IDeployments,
    private readonly commands: CommandRegistry
  ) {
    super();
    this.addClass('jp-mldeploy-ServiceList');
    this._watch = deployments.services.watch({ look: true });
  }

  override dispose(): void {
    this._watch?.dispose();
    super.dispose();
  }

  protected override onAfterShow(): void {
    this._watch ??= this.deployments.services.watch({ look: true });
  }

  protected override onBeforeHide(): void {
    this._watch?.dispose();
    this._watch = null;
  }

  protected override onActivateRequest(): void {
    // From the filter the arrow key leads to the services.
    void this.renderPromise?.then(() =>
      this.node.querySelector<HTMLElement>('input')?.focus()
    );
  }

  override render(): JSX.Element {
    return <Services deployments={this.deployments} commands={this.commands} />;
  }

  private _watch: IDisposable | null;
}
