import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { PACKAGE } from '../tokens';

/** Hover, completion and the other features of the language server in %%deploy cells, where jupyterlab-lsp is there. */
export const languageServer: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:language-server`,
  description:
    'Bodies of %%deploy cells for the language server, where jupyterlab-lsp is installed.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    if (!app.hasPlugin('@jupyter-lsp/jupyterlab-lsp:plugin')) {
      return;
    }
    void register(app).catch(error => {
      console.warn('%%deploy cells have no language server:', error);
    });
  }
};

async function register(app: JupyterFrontEnd): Promise<void> {
  const [{ ILSPCodeExtractorsManager }, { deployExtractor }] =
    await Promise.all([import('@jupyterlab/lsp'), import('./extractor')]);
  const manager = await app.resolveOptionalService(ILSPCodeExtractorsManager);
  manager?.register(deployExtractor, 'python');
}
