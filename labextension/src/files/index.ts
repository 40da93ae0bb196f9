import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';

import { CommandIDs } from '../commands/ids';
import { IDeployForm, IDeployments, PACKAGE } from '../tokens';
import { deployIcon } from '../ui/icons';
import { isModel, isScript } from './kinds';

/** What the file browser's context menu offers. */
export const files: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:files`,
  description:
    'Adds "Deploy…" and "Register as Model…" to the context menu of files.',
  autoStart: true,
  requires: [IDeployments],
  optional: [IFileBrowserFactory, IDeployForm],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    browsers: IFileBrowserFactory | null,
    form: IDeployForm | null
  ) => {
    const { permissions, trans } = deployments;
    const mayNotChange = () => permissions.whyNot('write', 'services');
    const selected = () => [
      ...(browsers?.tracker.currentWidget?.selectedItems() ?? [])
    ];
    const only = () => {
      const items = selected();
      return items.length === 1 ? items[0] : undefined;
    };
    const path = {
      type: 'string',
      description:
        'Path of the file; left out, the one selected in the file browser'
    };
    const local = (given: string) =>
      app.serviceManager.contents.localPath(given);

    app.commands.addCommand(CommandIDs.deployFile, {
      label: () =>
        mayNotChange() === null
          ? trans.__('Deploy…')
          : trans.__('Preview a Deployment…'),
      caption: () =>
        mayNotChange() ??
        trans.__('Make this entry script or model a live endpoint'),
      icon: deployIcon,
      isVisible: given => {
        const item = only();
        return (
          form !== null &&
          (typeof given.path === 'string' ||
            (item !== undefined && (isScript(item) || isModel(item))))
        );
      },
      execute: async given => {
        const item = only();
        const file =
          typeof given.path === 'string'
            ? given.path
            : item && local(item.path);
        if (file !== undefined) {
          await form?.open(
            isScript({ name: file, type: 'file' })
              ? { source: { path: file } }
              : { models: [file] }
          );
        }
      },
      describedBy: { args: { type: 'object', properties: { path } } }
    });
    app.commands.addCommand(CommandIDs.registerModel, {
      label: () =>
        mayNotChange() === null
          ? trans.__('Register as Model…')
          : trans.__('Register as Model… (not permitted)'),
      caption: () =>
        mayNotChange() ??
        trans.__('Keep this file or folder as the next version of a model'),
      icon: deployIcon,
      isEnabled: () => mayNotChange() === null,
      isVisible: given => {
        const item = only();
        return (
          typeof given.path === 'string' ||
          (item !== undefined && isModel(item))
        );
      },
      execute: async given => {
        const item = only();
        const file =
          typeof given.path === 'string'
            ? given.path
            : item && local(item.path);
        if (file !== undefined) {
          const { registerModel } = await import('./register');
          await registerModel(deployments, file);
        }
      },
      describedBy: { args: { type: 'object', properties: { path } } }
    });
  }
};
