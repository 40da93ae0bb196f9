import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { CommandIDs } from '../commands/ids';
import { IDeployForm, IDeployments, PACKAGE } from '../tokens';
import { deployIcon } from '../ui/icons';
import { cellKind } from './cell';

/** The button that deploys a cell. */
export const notebook: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:notebook`,
  description:
    'Adds "Deploy this cell" to the toolbars of notebooks and cells.',
  autoStart: true,
  requires: [IDeployments],
  optional: [INotebookTracker, IDeployForm],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    tracker: INotebookTracker | null,
    form: IDeployForm | null
  ) => {
    const { trans } = deployments;
    const kind = () => cellKind(tracker?.activeCell?.model);
    app.commands.addCommand(CommandIDs.deployCell, {
      label: given => (given.toolbar ? '' : trans.__('Deploy This Cell')),
      caption: () =>
        kind() === 'magic'
          ? trans.__('Run this %1 cell: it becomes a live endpoint', '%%deploy')
          : // Running a cell is the kernel's own; the form is the server's.
            (deployments.permissions.whyNot('write', 'services') ??
            trans.__(
              'Deploy this cell: its init() and run() become a live endpoint'
            )),
      icon: deployIcon,
      // In a cell's toolbar only where there is something to deploy; elsewhere the reason is the caption.
      isVisible: given => given.toolbar !== 'cell' || kind() !== 'other',
      isEnabled: () =>
        Boolean(tracker?.currentWidget) &&
        kind() !== 'other' &&
        (kind() === 'magic' || form !== null),
      execute: async () => {
        const panel = tracker?.currentWidget;
        const cell = tracker?.activeCell;
        if (!panel || !cell) {
          return;
        }
        if (kind() === 'magic') {
          await app.commands.execute('notebook:run-cell');
          return;
        }
        // The server reads the notebook as it was saved.
        await panel.context.save();
        await form?.open({
          source: { notebook: panel.context.localPath, cell_id: cell.model.id }
        });
      },
      describedBy: {
        args: {
          type: 'object',
          properties: {
            toolbar: {
              type: 'string',
              description: 'The toolbar that the button stands in'
            }
          }
        }
      }
    });
    const update = () =>
      app.commands.notifyCommandChanged(CommandIDs.deployCell);
    let model: {
      contentChanged: { disconnect(slot: () => void): boolean };
    } | null = null;
    tracker?.activeCellChanged.connect((_, cell) => {
      model?.contentChanged.disconnect(update);
      model = cell?.model ?? null;
      cell?.model.contentChanged.connect(update);
      update();
    });
  }
};
