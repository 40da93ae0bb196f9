import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { Panel, PanelLayout, Widget } from '@lumino/widgets';
import * as React from 'react';

import { describe, type IService } from '../api';
import type { IDeployments, IServiceTab, IServiceTabs } from '../tokens';
import { useSignal } from '../ui/hooks';
import { deployIcon } from '../ui/icons';
import { ServiceHeader } from './header';

interface IOptions {
  deployments: IDeployments;
  tabs: IServiceTabs;
  service: IService;
  commands: CommandRegistry;
}

/** The details of one service: who it is and what can be done to it, and its tabs, made when they are opened. */
export class ServiceDetails extends Widget {
  constructor(private readonly options: IOptions) {
    super();
    const { service, deployments } = options;
    this.name = service.name;
    this.uid = service.uid;
    this.id = `jp-mldeploy-service-${service.uid}`;
    this.addClass('jp-mldeploy-Details');
    this.node.dataset.mldeployService = service.name;
    this.title.label = service.name;
    this.title.caption = deployments.trans.__(
      'Deployed service %1',
      service.name
    );
    this.title.icon = deployIcon;
    this.title.closable = true;
    this._selected = options.tabs.tabs[0]?.id ?? '';
    const layout = (this.layout = new PanelLayout());
    this._header = new DetailsHeader(this, options);
    layout.addWidget(this._header);
    this._pages.addClass('jp-mldeploy-Pages');
    layout.addWidget(this._pages);
    options.tabs.changed.connect(this._onTabs, this);
    this._watch = deployments.services.watch({ look: true });
  }

  readonly name: string;
  readonly uid: string;
  readonly tabChanged = new Signal<this, void>(this);

  /** Id of the tab that is shown. */
  get selected(): string {
    return this._selected;
  }

  /** The service as it is now; as it was when it was last there, once it is deleted. */
  get service(): IService {
    const found = this.options.deployments.services.find(this.name, this.uid);
    this._last = found ?? {
      ...(this._last ?? this.options.service),
      state: 'Deleted',
      operations: []
    };
    return this._last;
  }

  /** Show a tab. */
  select(id: string): void {
    const tab = this.options.tabs.tabs.find(item => item.id === id);
    if (tab === undefined || this.isDisposed) {
      return;
    }
    this._selected = id;
    let page = this._made.get(id);
    if (page === undefined) {
      // The panel of pages owns it.
      // eslint-disable-next-line jupyter/require-disposable-ownership
      page = new Page(this, tab, this.options.deployments);
      this._made.set(id, page);
      this._pages.addWidget(page);
    }
    this._made.forEach((item, key) => item.setHidden(key !== id));
    this.tabChanged.emit();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._watch.dispose();
      this.options.tabs.changed.disconnect(this._onTabs, this);
      super.dispose();
      Signal.clearData(this);
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.select(this._selected);
  }

  protected override onActivateRequest(): void {
    void this._header.renderPromise?.then(() => {
      if (!this.node.contains(document.activeElement)) {
        document.getElementById(tabId(this, this._selected))?.focus();
      }
    });
  }

  protected override onCloseRequest(message: Message): void {
    super.onCloseRequest(message);
    this.dispose();
  }

  private _onTabs(): void {
    this.tabChanged.emit();
  }

  private readonly _header: DetailsHeader;
  private readonly _pages = new Panel();
  private readonly _made = new Map<string, Page>();
  private readonly _watch: IDisposable;
  private _selected: string;
  private _last: IService | null = null;
}

/** What stands above the tabs, and the tabs' names. */
class DetailsHeader extends ReactWidget {
  constructor(
    private readonly details: ServiceDetails,
    private readonly options: IOptions
  ) {
    super();
    this.addClass('jp-mldeploy-DetailsHeader');
  }

  override render(): JSX.Element {
    return <Header details={this.details} {...this.options} />;
  }
}

function Header(props: IOptions & { details: ServiceDetails }): JSX.Element {
  const { details, deployments, tabs, commands } = props;
  useSignal(deployments.services.changed);
  useSignal(details.tabChanged);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const ids = tabs.tabs.map(item => item.id);
    const at = ids.indexOf(details.selected);
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: ids.length - 1
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const id = ids[(to + ids.length) % ids.length];
      details.select(id);
      document.getElementById(tabId(details, id))?.focus();
    }
  };
  return (
    <>
      <ServiceHeader
        service={details.service}
        deployments={deployments}
        commands={commands}
      />
      <div
        className="jp-mldeploy-Tabs"
        role="tablist"
        aria-label={deployments.trans.__('Details of %1', details.name)}
        onKeyDown={onKeyDown}
      >
        {tabs.tabs.map(tab => (
          <button
            key={tab.id}
            id={tabId(details, tab.id)}
            type="button"
            role="tab"
            aria-selected={tab.id === details.selected}
            aria-controls={
              tab.id === details.selected ? pageId(details, tab.id) : undefined
            }
            tabIndex={tab.id === details.selected ? 0 : -1}
            onClick={() => details.select(tab.id)}
          >
            {tab.label}
          </button>
        ))}
      </div>
    </>
  );
}

function tabId(details: ServiceDetails, tab: string): string {
  return `${details.id}-tab-${tab}`;
}

function pageId(details: ServiceDetails, tab: string): string {
  return `${details.id}-page-${tab}`;
}

/** One tab's content, loaded when the tab is opened. */
class Page extends Panel {
  constructor(
    details: ServiceDetails,
    tab: IServiceTab,
    deployments: IDeployments
  ) {
    super();
    this.id = pageId(details, tab.id);
    this.addClass('jp-mldeploy-Page');
    this.node.setAttribute('role', 'tabpanel');
    this.node.setAttribute('aria-labelledby', tabId(details, tab.id));
    void this._fill(details, tab, deployments);
  }

  private async _fill(
    details: ServiceDetails,
    tab: IServiceTab,
    deployments: IDeployments
  ): Promise<void> {
    try {
      const widget = await tab.create({
        deployments,
        name: details.name,
        uid: details.uid
      });
      if (this.isDisposed) {
        widget.dispose();
      } else {
        this.addWidget(widget);
      }
    } catch (error) {
      if (!this.isDisposed) {
        const problem = new Widget();
        problem.addClass('jp-mldeploy-Problem');
        problem.node.setAttribute('role', 'alert');
        problem.node.textContent = describe(error);
        this.addWidget(problem);
      }
    }
  }
}
