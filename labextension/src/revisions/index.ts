import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';

import { IDeployments, IServiceTabs, PACKAGE } from '../tokens';

/** The Revisions tab of a service: compare and roll back. */
export const revisionsTab: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:revisions-tab`,
  description: 'The Revisions tab of a service: compare and roll back.',
  autoStart: true,
  requires: [IDeployments, IServiceTabs],
  optional: [IEditorLanguageRegistry],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    tabs: IServiceTabs,
    languages: IEditorLanguageRegistry | null
  ) => {
    const { trans } = deployments;
    const compare = async (
      name: string,
      from: number,
      to: number
    ): Promise<void> => {
      const { comparisonTab } = await import('./comparison');
      const tab = comparisonTab({ deployments, name, from, to, languages });
      const open = [...app.shell.widgets('main')].some(
        item => item.id === tab.id
      );
      if (open) {
        tab.dispose();
        app.shell.activateById(tab.id);
      } else {
        const { show } = await import('../ui/place');
        await show(app, tab);
      }
    };
    tabs.add({
      id: 'revisions',
      label: trans.__('Revisions'),
      rank: 30,
      create: async context => {
        const { RevisionsPanel } = await import('./panel');
        return new RevisionsPanel(
          context,
          (from, to) => void compare(context.name, from, to)
        );
      }
    });
  }
};
