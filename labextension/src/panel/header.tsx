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
import type { IDeployments } from '../tokens';
import { IconButton, TextButton } from '../ui/buttons';
import { useWhyNot } from '../ui/hooks';
import { StateBadge } from '../ui/state';
import { doing } from '../ui/work';

/** Who a service is, how it is, what can be done to it. */
export function ServiceHeader(props: {
  service: IService;
  deployments: IDeployments;
  commands: CommandRegistry;
}): JSX.Element {
  const { service, deployments, commands } = props;
  const { trans } = deployments;
  const { name } = service;
  const whyNot = useWhyNot(deployments, 'write', 'services');
  const operation = deployments.services.running(name);
  const isGone = service.state === 'Deleted';
  const run = (id: string, args: Record<string, string> = { name }) =>
    void commands.execute(id, args);
  return (
    <header className="jp-mldeploy-ServiceHeader">
      <div className="jp-mldeploy-HeaderLine">
        <h2>{name}</h2>
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
      </div>
      {service.scoring_uri && !isGone && (
        <div className="jp-mldeploy-HeaderLine">
          <code className="jp-mldeploy-Uri">{service.scoring_uri}</code>
          <IconButton
            icon={copyIcon}
            label={trans.__('Copy the scoring URI')}
            run={() => run(CommandIDs.copyUri)}
          />
        </div>
      )}
      {service.reason && !isGone && (
        <p className="jp-mldeploy-Problem">{service.reason}</p>
      )}
      {isGone && (
        <p className="jp-mldeploy-Muted">
          {trans.__(
            'This service was deleted; its logs and history stay readable.'
          )}
        </p>
      )}
      {operation !== undefined && (
        <div className="jp-mldeploy-HeaderLine" role="status">
          <span className="jp-mldeploy-Step">{doing(operation, trans)}</span>
          <TextButton
            label={
              operation.cancelling
                ? trans.__('Cancelling…')
                : trans.__('Cancel')
            }
            whyNot={whyNot}
            disabled={operation.cancelling}
            run={() => run(CommandIDs.cancel, { id: operation.id })}
          />
        </div>
      )}
      {!isGone && (
        <div
          className="jp-mldeploy-HeaderLine"
          role="group"
          aria-label={trans.__('Actions')}
        >
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
          <TextButton
            icon={undoIcon}
            label={trans.__('Roll back')}
            whyNot={whyNot}
            title={
              canRollBack(service)
                ? trans.__('Serve the revision before this one again')
                : trans.__('There is no earlier revision')
            }
            disabled={!canRollBack(service)}
            run={() => run(CommandIDs.rollback)}
          />
          <TextButton
            label={trans.__('Delete…')}
            whyNot={whyNot}
            run={() => run(CommandIDs.delete)}
          />
        </div>
      )}
    </header>
  );
}
