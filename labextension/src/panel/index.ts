import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel, type Widget } from '@lumino/widgets';

import { CommandIDs } from '../commands/ids';
import { IDeployments, IServiceTabs, PACKAGE } from '../tokens';
import { deployIcon } from '../ui/icons';
import type { ServiceDetails } from './details';
import { addStandardTabs } from './standardtabs';

/** The sidebar with all services, and the details of one in the main area. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:panel`,
  description:
    'The Deployments panel in the sidebar, and the details of services.',
  autoStart: true,
  requires: [IDeployments, IServiceTabs],
  optional: [ILayoutRestorer, IRenderMimeRegistry],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    tabs: IServiceTabs,
    restorer: ILayoutRestorer | null,
    rendermime: IRenderMimeRegistry | null
  ) => {
    const { trans } = deployments;
    addStandardTabs(tabs, deployments, rendermime);

    const sidebar = new LazyPanel(async () => {
      const { ServiceList } = await import('./list');
      return new ServiceList(deployments, app.commands);
    });
    sidebar.id = 'jp-mldeploy-panel';
    sidebar.addClass('jp-mldeploy-Panel');
    sidebar.title.icon = deployIcon;
    sidebar.title.caption = trans.__('Deployments');
    sidebar.node.setAttribute('role', 'region');
    sidebar.node.setAttribute('aria-label', trans.__('Deployments'));
    app.shell.add(sidebar, 'left', { rank: 450, type: 'Deployments' });
    restorer?.add(sidebar, sidebar.id);

    app.commands.addCommand(CommandIDs.showPanel, {
      label: trans.__('Show Deployments'),
      caption: trans.__('Show the services that this Jupyter server knows'),
      icon: deployIcon,
      execute: () => app.shell.activateById(sidebar.id),
      describedBy: { args: { type: 'object', properties: {} } }
    });

    const open = new Map<string, ServiceDetails>();
    const show = async (name: string, tab?: string) => {
      const [{ ServiceDetails }, { show: add }] = await Promise.all([
        import('./details'),
        import('../ui/place')
      ]);
      if (deployments.services.find(name) === undefined) {
        await deployments.services.refresh();
      }
      const service = deployments.services.find(name);
      if (service === undefined) {
        return;
      }
      let details = open.get(service.uid);
      if (details === undefined) {
        // The shell owns it.
        // eslint-disable-next-line jupyter/require-disposable-ownership
        details = new ServiceDetails({
          deployments,
          tabs,
          service,
          commands: app.commands
        });
        open.set(service.uid, details);
        details.disposed.connect(() => open.delete(service.uid));
        const current = app.shell.currentWidget;
        const beside = [...open.values()].find(
          item => item !== details && item.isAttached
        );
        await add(app, details, {
          type: 'Deployment',
          ...(beside
            ? { ref: beside.id, mode: 'tab-after' }
            : current
              ? { ref: current.id, mode: 'split-right' }
              : {})
        });
      }
      app.shell.activateById(details.id);
      if (tab !== undefined) {
        details.select(tab);
      }
    };
    deployments.shown.connect((_, { name, tab }) => void show(name, tab));
  }
};

/** A panel whose content is loaded when it is shown for the first time. */
class LazyPanel extends Panel {
  constructor(private readonly load: () => Promise<Widget>) {
    super();
  }

  protected override onAfterShow(): void {
    this._loading ??= this.load().then(content => {
      if (!this.isDisposed) {
        this.addWidget(content);
        if (this.node.contains(document.activeElement)) {
          content.activate();
        }
      }
    });
  }

  protected override onActivateRequest(): void {
    void this._loading?.then(() => this.widgets[0]?.activate());
  }

  private _loading: Promise<void> | null = null;
}
