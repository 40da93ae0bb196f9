import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';

import { IDeployments, IServiceTabs, PACKAGE } from '../tokens';
import type { TestSessions } from './session';

/** The Test tab of a service: requests from a form or as text, their answers and times. */
export const testTab: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:test-tab`,
  description:
    'The Test tab of a service: requests from a form or as text, their answers and times.',
  autoStart: true,
  requires: [IDeployments, IServiceTabs],
  optional: [INotebookTracker],
  activate: (
    _: JupyterFrontEnd,
    deployments: IDeployments,
    tabs: IServiceTabs,
    notebooks: INotebookTracker | null
  ) => {
    const { trans } = deployments;
    let sessions: TestSessions | null = null;
    const insertCell = (code: string): string | null => {
      const notebook = notebooks?.currentWidget?.content;
      if (!notebook) {
        return trans.__('Open a notebook first.');
      }
      NotebookActions.insertBelow(notebook);
      notebook.activeCell?.model.sharedModel.setSource(code);
      return null;
    };
    tabs.add({
      id: 'test',
      label: trans.__('Test'),
      rank: 10,
      create: async context => {
        const { TestPanel, TestSessions } = await import('./panel');
        sessions ??= new TestSessions(deployments.client);
        return new TestPanel(
          context,
          sessions.get(context.name, context.uid),
          notebooks ? insertCell : undefined
        );
      }
    });
  }
};
