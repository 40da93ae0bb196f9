import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker } from '@jupyterlab/notebook';

import { IDeployments, IPlaces, PACKAGE } from '../tokens';

/** From a line of a traceback to the cell or file that it came from. */
export const places: JupyterFrontEndPlugin<IPlaces> = {
  id: `${PACKAGE}:places`,
  description:
    'Shows the cell or file that a line of a served script came from.',
  autoStart: true,
  provides: IPlaces,
  requires: [IDeployments],
  optional: [INotebookTracker, IDocumentManager],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    notebooks: INotebookTracker | null,
    documents: IDocumentManager | null
  ): IPlaces => {
    let made: Promise<IPlaces> | null = null;
    const make = async (): Promise<IPlaces> => {
      const { Places } = await import('./jump');
      const { client, trans } = deployments;
      return new Places(app, client, trans, notebooks, documents);
    };
    const get = (): Promise<IPlaces> => (made ??= make());
    return {
      jump: async (...frame) => (await get()).jump(...frame),
      show: async place => (await get()).show(place),
      open: async place => (await get()).open(place)
    };
  }
};
