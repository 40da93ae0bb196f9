import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';

import { CommandIDs } from '../commands/ids';
import { IDeployForm, IDeployments, PACKAGE } from '../tokens';

/** A card in the launcher. */
export const launcher: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:launcher`,
  description: 'Adds "Deploy a Model" to the launcher.',
  autoStart: true,
  requires: [IDeployments],
  optional: [ILauncher, IDeployForm],
  activate: (
    _app: JupyterFrontEnd,
    deployments: IDeployments,
    start: ILauncher | null,
    form: IDeployForm | null
  ) => {
    if (form !== null) {
      start?.add({
        command: CommandIDs.deploy,
        args: { isLauncher: true },
        category: deployments.trans.__('Other'),
        rank: 5
      });
    }
  }
};
