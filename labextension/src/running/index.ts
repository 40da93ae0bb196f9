import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  IRunningSessionManagers,
  type IRunningSessions
} from '@jupyterlab/running';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';

import type { IService } from '../api';
import { CommandIDs } from '../commands/ids';
import { IDeployments, PACKAGE } from '../tokens';
import { remaining } from '../ui/format';
import { deployIcon } from '../ui/icons';
import { stateLabel } from '../ui/state';

/** The section Deployments in the panel of what runs. */
export const running: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:running`,
  description: 'Lists deployed services in the panel of running sessions.',
  autoStart: true,
  requires: [IDeployments],
  optional: [IRunningSessionManagers],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    managers: IRunningSessionManagers | null
  ) => {
    managers?.add(new RunningServices(deployments, app.commands));
  }
};

class RunningServices implements IRunningSessions.IManager {
  constructor(
    private readonly deployments: IDeployments,
    private readonly commands: CommandRegistry
  ) {
    const { trans } = deployments;
    this.name = trans.__('Deployments');
    this.shutdownLabel = trans.__('Stop');
    this.shutdownAllLabel = trans.__('Stop All');
    const { permissions, services } = deployments;
    services.changed.connect(() => this.runningChanged.emit(undefined));
    permissions.changed.connect(() => this.runningChanged.emit(undefined));
  }

  readonly name: string;
  readonly shutdownLabel: string;
  readonly shutdownAllLabel: string;
  readonly runningChanged = new Signal<this, unknown>(this);

  readonly shutdownAllConfirmationText = (): string =>
    whyNot(this.deployments) ??
    this.deployments.trans.__(
      'Stop all services? Requests to them will fail; keys, logs and revisions stay.'
    );

  running(): IRunningSessions.IRunningItem[] {
    return this.deployments.services.services
      .filter(isRunning)
      .map(
        service => new RunningService(service, this.deployments, this.commands)
      );
  }

  refreshRunning(): void {
    void this.deployments.services.refresh();
  }

  shutdownAll(): void {
    if (whyNot(this.deployments) !== null) {
      return;
    }
    this.deployments.services.services
      .filter(isRunning)
      .forEach(
        service =>
          void this.commands.execute(CommandIDs.stop, { name: service.name })
      );
  }
}

class RunningService implements IRunningSessions.IRunningItem {
  constructor(
    private readonly service: IService,
    private readonly deployments: IDeployments,
    private readonly commands: CommandRegistry
  ) {
    // The panel has a button for whatever can be shut down.
    if (whyNot(deployments) === null) {
      this.shutdown = () =>
        void commands.execute(CommandIDs.stop, { name: service.name });
    }
  }

  readonly shutdown?: () => void;

  open(): void {
    void this.commands.execute(CommandIDs.open, { name: this.service.name });
  }

  icon(): LabIcon {
    return deployIcon;
  }

  label(): string {
    return this.service.name;
  }

  labelTitle(): string {
    const { trans } = this.deployments;
    const { name, target, revision, scoring_uri: uri } = this.service;
    return [
      trans.__('%1, revision %2', name, revision ?? '–'),
      trans.__('Target: %1', target),
      trans.__('State: %1', stateLabel(this.service.state, trans)),
      ...(uri ? [uri] : []),
      ...[whyNot(this.deployments) ?? []].flat()
    ].join('\n');
  }

  detail(): string {
    const { trans } = this.deployments;
    const ends = remaining(
      this.service.facts.expires,
      Date.now() / 1000,
      trans
    );
    const state = stateLabel(this.service.state, trans);
    return ends === null ? state : trans.__('%1, %2', state, ends);
  }
}

/** Return why the user may not stop services, or null. */
function whyNot(deployments: IDeployments): string | null {
  return deployments.permissions.whyNot('write', 'services');
}

function isRunning(service: IService): boolean {
  return !['Stopped', 'Failed', 'Deleting', 'Deleted'].includes(service.state);
}
