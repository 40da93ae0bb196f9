import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';

import { IDeployments, PACKAGE } from '../tokens';
// The status bar is filled before anything else is shown, so there is nothing to gain from loading this later.
// eslint-disable-next-line jupyter/prefer-lazy-imports
import { DeploymentsStatus } from './item';

/** How many services run, and whether one needs somebody. */
export const status: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:status`,
  description:
    'Says in the status bar how many services are deployed and how they are.',
  autoStart: true,
  requires: [IDeployments],
  optional: [IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    bar: IStatusBar | null
  ) => {
    if (bar === null) {
      return;
    }
    const item = new DeploymentsStatus(deployments, app.commands);
    bar.registerStatusItem('jupyter-mldeploy:status', {
      item,
      align: 'left',
      rank: 20,
      isActive: () => item.hasSomething,
      activeStateChanged: item.somethingChanged
    });
  }
};
