import type { IDisposable } from '@lumino/disposable';
import { Panel, Widget } from '@lumino/widgets';

import { describe, type ServiceStore } from '../api';
import type { IServiceTabContext } from '../tokens';

/** A tab whose content belongs to the live revision: it is made again when another one is live. */
export abstract class FollowingTab extends Panel implements IDisposable {
  constructor(protected readonly context: IServiceTabContext) {
    super();
    this.addClass('jp-mldeploy-Following');
    context.deployments.services.changed.connect(this._onChanged, this);
    void this._fill();
  }

  override dispose(): void {
    this.context.deployments.services.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  /** Return the widgets to show. */
  protected abstract content(): Promise<Widget[]>;

  /** Return a heading. */
  protected heading(text: string): Widget {
    const node = document.createElement('h3');
    node.textContent = text;
    return new Widget({ node });
  }

  private _onChanged(store: ServiceStore): void {
    const service = store.find(this.context.name, this.context.uid);
    if (
      service !== undefined &&
      (service.revision !== this._revision || service.state !== this._state)
    ) {
      void this._fill();
    }
  }

  private async _fill(): Promise<void> {
    const { deployments, name, uid } = this.context;
    const service = deployments.services.find(name, uid);
    this._revision = service?.revision ?? null;
    this._state = service?.state;
    const asked = ++this._asked;
    let widgets: Widget[];
    try {
      widgets = await this.content();
    } catch (error) {
      // This panel owns it.
      // eslint-disable-next-line jupyter/require-disposable-ownership
      const problem = new Widget();
      problem.addClass('jp-mldeploy-Problem');
      problem.node.textContent = describe(error);
      widgets = [problem];
    }
    if (this.isDisposed || asked !== this._asked) {
      widgets.forEach(item => item.dispose());
      return;
    }
    [...this.widgets].forEach(item => item.dispose());
    widgets.forEach(item => this.addWidget(item));
  }

  private _revision: number | null = null;
  private _state: string | undefined;
  private _asked = 0;
}
