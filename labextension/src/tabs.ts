import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IServiceTab, IServiceTabs } from './tokens';

/** The registry of tabs. */
export class ServiceTabs implements IServiceTabs {
  get tabs(): readonly IServiceTab[] {
    return this._tabs;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  add(tab: IServiceTab): IDisposable {
    if (this._tabs.some(item => item.id === tab.id)) {
      throw new Error(`There is a tab ${tab.id} already.`);
    }
    this._tabs = [...this._tabs, tab].sort((a, b) => a.rank - b.rank);
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._tabs = this._tabs.filter(item => item !== tab);
      this._changed.emit();
    });
  }

  private _tabs: readonly IServiceTab[] = [];
  private readonly _changed = new Signal<this, void>(this);
}
