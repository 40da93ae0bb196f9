import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import type { IService } from '../api';
import { CommandIDs } from '../commands/ids';
import type { IDeployments } from '../tokens';
import { remaining } from '../ui/format';
import { useNow, useSignal } from '../ui/hooks';
import { badIcon, deployIcon } from '../ui/icons';
import { tone } from '../ui/state';

/** Seconds before its end from which a service's remaining time is counted down. */
const SOON = 15 * 60;

/** The status bar's item: nothing while nothing is deployed. */
export class DeploymentsStatus extends ReactWidget {
  constructor(
    private readonly deployments: IDeployments,
    private readonly commands: CommandRegistry
  ) {
    super();
    this.addClass('jp-mldeploy-Status');
    // Told by events alone: the services themselves are not asked for the sake of a number.
    deployments.services.watch({ look: false });
    deployments.services.changed.connect(this._onChanged, this);
  }

  readonly somethingChanged = new Signal<this, void>(this);

  get hasSomething(): boolean {
    return this.deployments.services.services.length > 0;
  }

  override dispose(): void {
    this.deployments.services.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  override render(): JSX.Element {
    return <Status deployments={this.deployments} commands={this.commands} />;
  }

  private _onChanged(): void {
    this.somethingChanged.emit();
  }
}

function Status(props: {
  deployments: IDeployments;
  commands: CommandRegistry;
}): JSX.Element {
  const { services, trans } = props.deployments;
  useSignal(services.changed);
  const now = useNow(15);
  const bad = services.services.filter(
    item => tone(item.state) === 'bad'
  ).length;
  const Icon = bad > 0 ? badIcon : deployIcon;
  const texts = [
    bad > 0
      ? trans._n('%1 deployment needs you', '%1 deployments need you', bad)
      : trans._n(
          '%1 deployment',
          '%1 deployments',
          services.services.filter(item => item.state !== 'Stopped').length
        )
  ];
  const next = ending(services.services, now);
  if (next !== undefined) {
    texts.push(
      trans.__(
        '%1 %2',
        next.name,
        remaining(next.facts.expires, now, trans) ?? ''
      )
    );
  }
  return (
    <button
      type="button"
      title={trans.__('Show the deployments')}
      data-tone={bad > 0 ? 'bad' : undefined}
      onClick={() => void props.commands.execute(CommandIDs.showPanel)}
    >
      <Icon.react tag="span" aria-hidden="true" />
      {texts.join(' · ')}
    </button>
  );
}

/** Return the service that ends next, when that is soon. */
function ending(
  services: readonly IService[],
  now: number
): IService | undefined {
  const expires = (item: IService) =>
    typeof item.facts.expires === 'number' ? item.facts.expires : Infinity;
  return services
    .filter(item => expires(item) - now < SOON)
    .sort((a, b) => expires(a) - expires(b))[0];
}
