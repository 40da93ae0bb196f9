import type { TranslationBundle } from '@jupyterlab/translation';
import { runIcon, stopIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { IOperation, IService } from '../api';
import { CommandIDs } from '../commands/ids';
import { canStop } from '../commands/possible';
import { IconButton } from '../ui/buttons';
import { age, moment, remaining } from '../ui/format';
import { StateBadge } from '../ui/state';
import { doing } from '../ui/work';
import { traffic } from '../ui/traffic';

/** One service in the list. */
export const ServiceRow = React.memo(
  (props: {
    service: IService;
    operation?: IOperation;
    row: number;
    isActive: boolean;
    now: number;
    trans: TranslationBundle;
    commands: CommandRegistry;
    /** Why the user may not change it, or null. */
    whyNot: string | null;
    onFocus: () => void;
  }): JSX.Element => {
    const { service, operation, trans, commands, now } = props;
    const { name } = service;
    const ends = remaining(service.facts.expires, now, trans);
    const stops = canStop(service);
    const shares = traffic(service);
    return (
      <div
        className="jp-mldeploy-Service"
        role="row"
        aria-rowindex={props.row}
        tabIndex={props.isActive ? 0 : -1}
        data-mldeploy-service={name}
        onFocus={props.onFocus}
        onClick={() => void commands.execute(CommandIDs.open, { name })}
      >
        <div role="gridcell" className="jp-mldeploy-ServiceText">
          <div className="jp-mldeploy-ServiceTitle">
            <strong title={service.description ?? name}>{name}</strong>
            {service.revision !== null && (
              <span className="jp-mldeploy-Muted">
                {shares.length > 1
                  ? shares
                      .map(([version, share]) =>
                        trans.__('%1 %2%', version, share)
                      )
                      .join(' · ')
                  : trans.__('r%1', service.revision)}
              </span>
            )}
          </div>
          <div className="jp-mldeploy-ServiceFacts">
            {operation === undefined ? (
              <StateBadge state={service.state} trans={trans} />
            ) : (
              <span className="jp-mldeploy-Step">
                {doing(operation, trans)}
              </span>
            )}
            <span className="jp-mldeploy-Muted">{service.target}</span>
            <span className="jp-mldeploy-Muted" title={moment(service.created)}>
              {ends ?? age(service.created, now, trans)}
            </span>
          </div>
          <div
            className="jp-mldeploy-ServiceUri jp-mldeploy-Muted"
            title={service.scoring_uri ?? undefined}
          >
            {service.scoring_uri ?? service.reason ?? ' '}
          </div>
        </div>
        <div role="gridcell" className="jp-mldeploy-ServiceActions">
          {stops ? (
            <IconButton
              icon={stopIcon}
              label={trans.__('Stop %1', name)}
              whyNot={props.whyNot}
              tabIndex={props.isActive ? 0 : -1}
              run={() => void commands.execute(CommandIDs.stop, { name })}
            />
          ) : (
            <IconButton
              icon={runIcon}
              label={trans.__('Start %1', name)}
              whyNot={props.whyNot}
              tabIndex={props.isActive ? 0 : -1}
              run={() => void commands.execute(CommandIDs.start, { name })}
            />
          )}
        </div>
      </div>
    );
  }
);
