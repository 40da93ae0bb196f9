import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { refreshIcon, stopIcon, undoIcon } from '@jupyterlab/ui-components';
import type {
  ReadonlyJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';

import type { IDeployRequest, IService } from '../api';
import { IDeployForm, IDeployments, PACKAGE } from '../tokens';
import { deployIcon } from '../ui/icons';
import { CommandIDs } from './ids';
import { canRollBack, canStop } from './possible';

/** The class and the data attribute of whatever on the screen stands for a service. */
const SERVICE_ATTRIBUTE = 'mldeployService';

const NAME: ReadonlyJSONObject = {
  type: 'string',
  description:
    'Name of the service; left out, the one under the pointer, the one that is shown, or one that is asked for'
};

function args(
  properties: ReadonlyJSONObject,
  required: string[] = []
): { args: ReadonlyJSONObject } {
  return {
    args: {
      type: 'object',
      properties,
      ...(required.length > 0 && { required })
    }
  };
}

/** What people and other extensions can do. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:commands`,
  description:
    'Adds the commands mldeploy:…, their places in menus and the palette.',
  autoStart: true,
  requires: [IDeployments],
  optional: [ICommandPalette, IDeployForm],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    palette: ICommandPalette | null,
    form: IDeployForm | null
  ) => {
    const { permissions, services, trans } = deployments;
    const mayNotChange = () => permissions.whyNot('write', 'services');
    permissions.changed.connect(() => app.commands.notifyCommandChanged());
    const actions = async () =>
      new (await import('./actions')).Actions(deployments);

    /** Return the service that a command is about, or undefined when there is none or nobody chooses one. */
    const chosen = async (
      given: ReadonlyPartialJSONObject,
      fits: (service: IService) => boolean = () => true
    ): Promise<IService | undefined> => {
      const name = named(app, given);
      if (
        !services.isReady ||
        (name !== undefined && services.find(name) === undefined)
      ) {
        await services.refresh();
      }
      if (name !== undefined) {
        return services.find(name);
      }
      const items = services.services.filter(fits).map(item => item.name);
      if (items.length === 0) {
        return undefined;
      }
      const { value } = await InputDialog.getItem({
        title: trans.__('Which service?'),
        items
      });
      return value === null ? undefined : services.find(value);
    };

    const add = (
      id: string,
      label: string,
      caption: string,
      run: (
        service: IService,
        given: ReadonlyPartialJSONObject
      ) => Promise<void>,
      fits: (service: IService) => boolean,
      more: {
        icon?: typeof stopIcon;
        properties?: ReadonlyJSONObject;
        /** Why nobody may do this to any service. */
        whyNot?: () => string | null;
      } = {}
    ) =>
      app.commands.addCommand(id, {
        // Menus show no captions, so there the label has to say it.
        label: () =>
          more.whyNot?.() ? trans.__('%1 (not permitted)', label) : label,
        caption: () => more.whyNot?.() ?? caption,
        icon: more.icon,
        isEnabled: given => {
          if (more.whyNot?.()) {
            return false;
          }
          const name = named(app, given);
          const service = name === undefined ? undefined : services.find(name);
          return service === undefined || fits(service);
        },
        execute: async given => {
          const service = await chosen(given, fits);
          if (service !== undefined) {
            await run(service, given);
          }
        },
        describedBy: args({ name: NAME, ...more.properties })
      });

    add(
      CommandIDs.start,
      trans.__('Start'),
      trans.__('Serve the live revision again'),
      async service => (await actions()).start(service),
      service =>
        service.state === 'Stopped' ||
        service.state === 'Failed' ||
        service.state === 'Unhealthy',
      { whyNot: mayNotChange }
    );
    add(
      CommandIDs.stop,
      trans.__('Stop'),
      trans.__('Stop serving; keys, logs and revisions stay'),
      async service => (await actions()).stop(service),
      canStop,
      { icon: stopIcon, whyNot: mayNotChange }
    );
    add(
      CommandIDs.rollback,
      trans.__('Roll Back'),
      trans.__('Serve an earlier revision again, as a new revision'),
      async (service, given) =>
        (await actions()).rollback(
          service,
          typeof given.to === 'number' ? given.to : null
        ),
      canRollBack,
      {
        icon: undoIcon,
        whyNot: mayNotChange,
        properties: {
          to: {
            type: 'integer',
            description:
              'Number of the revision; left out, the one that was live before the present one'
          }
        }
      }
    );
    add(
      CommandIDs.delete,
      trans.__('Delete…'),
      trans.__('Delete the service; logs and history stay readable'),
      async service => (await actions()).delete(service),
      service => service.state !== 'Deleting',
      { whyNot: mayNotChange }
    );
    add(
      CommandIDs.copyUri,
      trans.__('Copy Scoring URI'),
      trans.__('Copy the address to which requests go'),
      async service => (await actions()).copyUri(service),
      service => service.scoring_uri !== null
    );
    add(
      CommandIDs.open,
      trans.__('Show Service'),
      trans.__(
        'Show a service with its state, test requests, logs and revisions'
      ),
      async (service, given) => {
        deployments.show(
          service.name,
          typeof given.tab === 'string' ? given.tab : undefined
        );
      },
      () => true,
      {
        icon: deployIcon,
        properties: {
          tab: {
            type: 'string',
            description:
              'The tab to open: overview, test, logs, revisions, schema or code'
          }
        }
      }
    );
    app.commands.addCommand(CommandIDs.cancel, {
      label: trans.__('Cancel the Operation'),
      caption: trans.__(
        'Give a deployment up at its next step; what served before goes on serving'
      ),
      isVisible: given => typeof given.id === 'string',
      isEnabled: () => mayNotChange() === null,
      execute: async given => (await actions()).cancel(String(given.id)),
      describedBy: args(
        { id: { type: 'string', description: 'Id of the operation' } },
        ['id']
      )
    });
    app.commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh Deployments'),
      caption: trans.__('Read the list of services again'),
      icon: refreshIcon,
      execute: () => services.refresh(),
      describedBy: args({})
    });
    app.commands.addCommand(CommandIDs.deploy, {
      // Whoever may not deploy may still see what a deployment would be.
      label: given =>
        mayNotChange() !== null
          ? trans.__('Preview a Deployment…')
          : given.isLauncher
            ? trans.__('Deploy a Model')
            : trans.__('Deploy…'),
      caption: () =>
        mayNotChange() ??
        trans.__(
          'Make an entry script, a notebook cell or a model a live endpoint'
        ),
      icon: deployIcon,
      isVisible: () => form !== null,
      execute: async given => {
        const { isLauncher, isPalette, ...request } = given;
        void [isLauncher, isPalette];
        await form?.open(request as unknown as Partial<IDeployRequest>);
      },
      describedBy: args({
        name: { type: 'string', description: 'Name of the service' },
        source: {
          type: 'object',
          description:
            'The entry script: path of a file, or notebook and cell_id',
          properties: {
            path: { type: 'string' },
            notebook: { type: 'string' },
            cell_id: { type: 'string' },
            text: { type: 'string' }
          }
        },
        target: {
          type: 'string',
          description: 'Where it is to run, for example local'
        },
        models: {
          type: 'array',
          items: { type: 'string' },
          description: 'Registered models or paths'
        },
        isLauncher: {
          type: 'boolean',
          description: 'The command stands in the launcher'
        }
      })
    });

    if (palette !== null) {
      const category = trans.__('Deployments');
      for (const command of [
        CommandIDs.showPanel,
        CommandIDs.deploy,
        CommandIDs.deployCell,
        CommandIDs.open,
        CommandIDs.start,
        CommandIDs.stop,
        CommandIDs.rollback,
        CommandIDs.delete,
        CommandIDs.copyUri,
        CommandIDs.refresh
      ]) {
        palette.addItem({ command, category, args: { isPalette: true } });
      }
    }
  }
};

/** Return the name that a command was given, else of the service under the context menu, else of the one shown. */
function named(
  app: JupyterFrontEnd,
  given: ReadonlyPartialJSONObject
): string | undefined {
  if (typeof given.name === 'string') {
    return given.name;
  }
  // The application remembers where the last context menu was; it has nothing to do with the palette.
  const hit = given.isPalette
    ? undefined
    : app.contextMenuHitTest(
        node => node.dataset[SERVICE_ATTRIBUTE] !== undefined
      );
  return (
    hit?.dataset[SERVICE_ATTRIBUTE] ??
    app.shell.currentWidget?.node.dataset[SERVICE_ATTRIBUTE]
  );
}
