import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IEditorTracker } from '@jupyterlab/fileeditor';
import { INotebookTracker } from '@jupyterlab/notebook';

import { IDeployments, IFixes, PACKAGE } from '../tokens';
import type { Fixes } from './fixes';

/** Applies the linter's fixes from where no editor is: a card, the deploy form. */
export const fixes: JupyterFrontEndPlugin<IFixes> = {
  id: `${PACKAGE}:fixes`,
  description:
    'Applies the fixes of findings from cards and from the deploy form.',
  autoStart: true,
  provides: IFixes,
  requires: [IDeployments],
  optional: [INotebookTracker, IEditorTracker],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    notebooks: INotebookTracker | null,
    files: IEditorTracker | null
  ): IFixes => {
    let made: Promise<Fixes> | null = null;
    const make = async (): Promise<Fixes> => {
      const [{ Fixes }, { Checks }, { Origins }] = await Promise.all([
        import('./fixes'),
        import('../lint/checks'),
        import('../lint/origins')
      ]);
      return new Fixes(
        new Checks(deployments.client),
        new Origins(app.serviceManager.contents, notebooks, files),
        deployments.trans
      );
    };
    const get = (): Promise<Fixes> => (made ??= make());
    return { apply: async (...fix) => (await get()).apply(...fix) };
  }
};
