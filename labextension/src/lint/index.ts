import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import {
  EditorExtensionRegistry,
  IEditorExtensionRegistry
} from '@jupyterlab/codemirror';
import { IEditorTracker } from '@jupyterlab/fileeditor';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { IDeployments, PACKAGE } from '../tokens';
import type { FindingEditors } from './editor';
// Every editor has this look at its first line; what is heavy comes with the first %%deploy cell.
import { becomesFile, gate } from './gate';
import { notebookOf, Origins } from './origins';

const ID = `${PACKAGE}:lint`;

const CommandIds = {
  next: 'mldeploy:next-finding',
  previous: 'mldeploy:previous-finding',
  fix: 'mldeploy:fix-finding',
  fixAll: 'mldeploy:fix-all-findings',
  rule: 'mldeploy:show-rule'
} as const;

/** Findings of the linter in %%deploy cells and entry scripts. */
export const lint: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Findings of the linter in %%deploy cells and entry scripts.',
  autoStart: true,
  requires: [IDeployments, IEditorExtensionRegistry],
  optional: [
    INotebookTracker,
    IEditorTracker,
    IRenderMimeRegistry,
    ISettingRegistry,
    ICommandPalette
  ],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    registry: IEditorExtensionRegistry,
    notebooks: INotebookTracker | null,
    files: IEditorTracker | null,
    rendermime: IRenderMimeRegistry | null,
    settings: ISettingRegistry | null,
    palette: ICommandPalette | null
  ) => {
    const origins = new Origins(app.serviceManager.contents, notebooks, files);
    const wanted = { cells: true, files: true };
    void settings?.load(ID).then(loaded => {
      const read = () => {
        wanted.cells = loaded.composite['cells'] !== false;
        // jupyterlab-lsp shows findings in files already, through pylsp.
        const auto = !app.hasPlugin('@jupyter-lsp/jupyterlab-lsp:plugin');
        const chosen = loaded.composite['files'];
        wanted.files = chosen === 'on' || (chosen !== 'off' && auto);
      };
      read();
      loaded.changed.connect(read);
    });

    let editors: FindingEditors | undefined;
    const load = async (): Promise<FindingEditors> => {
      const [{ Checks }, { FindingEditors }] = await Promise.all([
        import('./checks'),
        import('./editor')
      ]);
      editors ??= new FindingEditors(
        new Checks(deployments.client),
        deployments.trans,
        code => void app.commands.execute(CommandIds.rule, { code })
      );
      return editors;
    };
    registry.addExtension({
      name: ID,
      factory: ({ model }) => {
        return EditorExtensionRegistry.createImmutableExtension(
          gate(
            // Asked anew each time: a cell is made before it joins its notebook.
            view =>
              notebookOf(model) !== undefined
                ? wanted.cells && becomesFile(view)
                : wanted.files && origins.of(model) !== undefined,
            async () => (await load()).extension(() => origins.of(model))
          )
        );
      }
    });
    notebooks?.activeCellChanged.connect(() => editors?.surroundingsChanged());

    addCommands(app, deployments, () => editors, rendermime);
    for (const command of [
      CommandIds.next,
      CommandIds.previous,
      CommandIds.fix,
      CommandIds.fixAll
    ]) {
      palette?.addItem({
        command,
        category: deployments.trans.__('Deployments')
      });
    }
  }
};

function addCommands(
  app: JupyterFrontEnd,
  deployments: IDeployments,
  editors: () => FindingEditors | undefined,
  rendermime: IRenderMimeRegistry | null
): void {
  const { trans, client } = deployments;
  const nothing = { args: { type: 'object', properties: {} } } as const;
  const isEnabled = () => editors()?.current !== undefined;
  const add = (
    id: string,
    label: string,
    caption: string,
    work: (editors: FindingEditors) => unknown
  ) =>
    app.commands.addCommand(id, {
      label,
      caption,
      isEnabled,
      describedBy: nothing,
      execute: () => {
        const found = editors();
        return found === undefined ? undefined : work(found);
      }
    });

  add(
    CommandIds.next,
    trans.__('Next Finding'),
    trans.__('Go to the next finding of the linter in this editor'),
    found => found.current && found.go(found.current, 1)
  );
  add(
    CommandIds.previous,
    trans.__('Previous Finding'),
    trans.__('Go to the finding of the linter before'),
    found => found.current && found.go(found.current, -1)
  );
  add(
    CommandIds.fix,
    trans.__('Fix Finding…'),
    trans.__('Choose a fix for the finding at the cursor'),
    async found => {
      const view = found.current;
      if (view !== undefined) {
        (await import('./menu')).openFixMenu(view, found, trans);
      }
    }
  );
  add(
    CommandIds.fixAll,
    trans.__('Apply All Safe Fixes'),
    trans.__('Repair what can be repaired without a change of meaning'),
    found => found.current && found.fixAll(found.current)
  );
  app.commands.addCommand(CommandIds.rule, {
    label: args => trans.__('Show the Rule %1', String(args['code'] ?? '')),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          code: {
            type: 'string',
            description: trans.__('The code of the rule, for example MLD301')
          }
        },
        required: ['code']
      }
    },
    execute: async (args: ReadonlyPartialJSONObject) => {
      const code = String(args['code']);
      const id = `jp-mldeploy-rule-${code}`;
      const open = [...app.shell.widgets('main')].find(each => each.id === id);
      if (open !== undefined) {
        app.shell.activateById(id);
        return;
      }
      if (rendermime === null) {
        return;
      }
      const { rulePage } = await import('./rule');
      const widget = await rulePage(await client.rule(code), rendermime);
      app.shell.add(widget, 'main', { mode: 'split-right' });
      app.shell.activateById(widget.id);
    }
  });
}
