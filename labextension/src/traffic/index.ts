import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { IDeployments, IServiceTabs, PACKAGE } from '../tokens';

/** The tab in which requests are divided among versions. */
export const trafficTab: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:traffic-tab`,
  description: "Adds the tab Traffic to a service's details.",
  autoStart: true,
  requires: [IDeployments, IServiceTabs],
  activate: (
    _: JupyterFrontEnd,
    deployments: IDeployments,
    tabs: IServiceTabs
  ): void => {
    tabs.add({
      id: 'traffic',
      label: deployments.trans.__('Traffic'),
      rank: 35,
      create: async context =>
        new (await import('./widget')).TrafficTab(context)
    });
  }
};
