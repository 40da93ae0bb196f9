import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { IDeployments, IPlaces, IServiceTabs, PACKAGE } from '../tokens';

/** The Logs tab of a service: follow, filter, download. */
export const logTab: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:log-tab`,
  description: 'The Logs tab of a service: follow, filter, download.',
  autoStart: true,
  requires: [IDeployments, IServiceTabs],
  optional: [IPlaces],
  activate: (
    _: JupyterFrontEnd,
    deployments: IDeployments,
    tabs: IServiceTabs,
    places: IPlaces | null
  ) => {
    tabs.add({
      id: 'logs',
      label: deployments.trans.__('Logs'),
      rank: 20,
      create: async context => {
        const { LogPanel } = await import('./panel');
        return new LogPanel(context, places);
      }
    });
  }
};
