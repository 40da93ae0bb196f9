import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';

import { IDeployForm, IDeployments, IFixes, IPlaces, PACKAGE } from '../tokens';

/** The form that deploys. */
export const deployForm: JupyterFrontEndPlugin<IDeployForm> = {
  id: `${PACKAGE}:deploy-form`,
  description: 'Provides the form that deploys a script, a cell or a model.',
  autoStart: true,
  provides: IDeployForm,
  requires: [IDeployments],
  optional: [IPlaces, IDocumentManager, IFixes],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    places: IPlaces | null,
    documents: IDocumentManager | null,
    fixes: IFixes | null
  ): IDeployForm => {
    const { trans } = deployments;
    const browse = documents
      ? async (title: string): Promise<string[]> => {
          const { FileDialog } = await import('@jupyterlab/filebrowser');
          const found = await FileDialog.getOpenFiles({
            manager: documents,
            title
          });
          const { contents } = app.serviceManager;
          return (found.value ?? []).map(item => contents.localPath(item.path));
        }
      : undefined;
    return {
      open: async request => {
        const [{ deployFormTab }, { show }] = await Promise.all([
          import('./widget'),
          import('../ui/place')
        ]);
        const { kernelspecs } = app.serviceManager;
        const tab = deployFormTab({
          deployments,
          request,
          places,
          fixes,
          kernels: Object.keys(kernelspecs.specs?.kernelspecs ?? {}),
          browse,
          onDone: name =>
            Notification.success(trans.__('%1 is live.', name), {
              actions: [
                {
                  label: trans.__('Test'),
                  callback: () => deployments.show(name, 'test')
                }
              ]
            }),
          trans
        });
        await show(app, tab);
      }
    };
  }
};
