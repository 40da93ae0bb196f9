import {
  copyIcon,
  runIcon,
  stopIcon,
  undoIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { IService } from '../api';
import { CommandIDs } from '../commands/ids';
import { canRollBack, canStop } from '../commands/possible';
import type { IDeployments, IServiceTabs } from '../tokens';
import { IconButton, TextButton } from '../ui/buttons';
import { age, remaining } from '../ui/format';
import { useNow, useSignal, useWhyNot } from '../ui/hooks';
import { Sparkline } from '../ui/sparkline';
import { StateBadge } from '../ui/state';
import { doing } from '../ui/work';
import type { ICardData } from './model';

/** The tabs to which a card leads. */
const SHORTCUTS = ['test', 'logs', 'revisions'];

interface IProps {
  card: ICardData;
  deployments: IDeployments;
  tabs: IServiceTabs;
  commands: CommandRegistry;
}

/** How a service is now, with what can be done to it. */
export function LiveCard(props: IProps): JSX.Element {
  const { card, deployments } = props;
  const { services, trans } = deployments;
  useSignal(services.changed);
  const service = services.find(card.name, card.uid ?? '');
  return (
    <section
      className="jp-mldeploy-Live"
      aria-label={trans.__('Deployment %1 now', card.name)}
      data-mldeploy-service={service?.name}
    >
      {service !== undefined ? (
        <Alive {...props} service={service} />
      ) : (
        <p className="jp-mldeploy-Muted">{absent(props)}</p>
      )}
    </section>
  );
}

function absent(props: IProps): string {
  const { services, trans } = props.deployments;
  if (services.error !== null) {
    return trans.__(
      'The Jupyter server does not say how it is now: %1',
      services.error.message
    );
  }
  if (!services.isReady) {
    return trans.__('Asking the Jupyter server how it is now…');
  }
  return trans.__(
    'Not in the workspace of this Jupyter server: it was deleted, or deployed somewhere else.'
  );
}

function Alive(props: IProps & { service: IService }): JSX.Element {
  const { card, service, deployments, commands } = props;
  const { trans, services } = deployments;
  const { name } = service;
  const now = useNow(5);
  const whyNot = useWhyNot(deployments, 'write', 'services');
  const operation = services.running(name);
  const ends = remaining(service.facts.expires, now, trans);
  const run = (id: string, args: Record<string, string> = { name }) =>
    void commands.execute(id, args);
  const other =
    card.kind === 'deployment' &&
    card.revision !== service.revision &&
    service.revision !== null;
  return (
    <>
      <div className="jp-mldeploy-HeaderLine">
        <strong>{name}</strong>
        {service.revision !== null && (
          <span className="jp-mldeploy-Muted">
            {trans.__('revision %1', service.revision)}
          </span>
        )}
        <span role="status">
          <StateBadge state={service.state} trans={trans} />
        </span>
        <span className="jp-mldeploy-Muted">
          {trans.__('on %1', service.target)}
        </span>
        <span className="jp-mldeploy-Muted">
          {ends ?? age(service.updated, now, trans)}
        </span>
        <Traffic deployments={deployments} service={service} />
      </div>
      {service.scoring_uri && (
        <div className="jp-mldeploy-HeaderLine">
          <code className="jp-mldeploy-Uri">{service.scoring_uri}</code>
          <IconButton
            icon={copyIcon}
            label={trans.__('Copy the scoring URI')}
            run={() => run(CommandIDs.copyUri)}
          />
        </div>
      )}
      {service.reason && (
        <p className="jp-mldeploy-Problem">{service.reason}</p>
      )}
      {other && (
        <p className="jp-mldeploy-Muted">
          {trans.__(
            'This output is the receipt of revision %1; revision %2 is live now.',
            card.revision ?? '?',
            service.revision ?? '?'
          )}
        </p>
      )}
      {operation !== undefined && (
        <p className="jp-mldeploy-Step" role="status">
          {doing(operation, trans)}
        </p>
      )}
      <div
        className="jp-mldeploy-HeaderLine"
        role="group"
        aria-label={trans.__('Actions')}
      >
        {props.tabs.tabs
          .filter(tab => SHORTCUTS.includes(tab.id))
          .map(tab => (
            <TextButton
              key={tab.id}
              look={tab.id === 'test' ? 'accept' : 'plain'}
              label={tab.label}
              run={() => run(CommandIDs.open, { name, tab: tab.id })}
            />
          ))}
        {canRollBack(service) && (
          <TextButton
            icon={undoIcon}
            label={trans.__('Roll back')}
            whyNot={whyNot}
            run={() => run(CommandIDs.rollback)}
          />
        )}
        {canStop(service) ? (
          <TextButton
            icon={stopIcon}
            label={trans.__('Stop')}
            whyNot={whyNot}
            run={() => run(CommandIDs.stop)}
          />
        ) : (
          <TextButton
            icon={runIcon}
            label={trans.__('Start')}
            whyNot={whyNot}
            run={() => run(CommandIDs.start)}
          />
        )}
      </div>
    </>
  );
}

function Traffic(props: {
  deployments: IDeployments;
  service: IService;
}): JSX.Element | null {
  const { deployments, service } = props;
  const answers = service.state === 'Healthy' || service.state === 'Unhealthy';
  useSignal(deployments.rates.changed);
  React.useEffect(() => {
    if (answers) {
      const watch = deployments.rates.watch(service);
      return () => watch.dispose();
    }
    return undefined;
  }, [service.uid, answers]);
  return answers ? (
    <Sparkline
      samples={deployments.rates.of(service.uid)}
      trans={deployments.trans}
    />
  ) : null;
}
