import { Clipboard, Notification } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { JSONValue } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';
import * as React from 'react';

import {
  ApiError,
  describe,
  type IRevision,
  type IService,
  type IServiceInFull
} from '../api';
import type { IDeployments, IServiceTabContext } from '../tokens';
import { TextButton } from '../ui/buttons';
import { age, bytes, moment, remaining } from '../ui/format';
import { useNow, useSignal, useWhyNot } from '../ui/hooks';
import { Sparkline } from '../ui/sparkline';
import { traffic } from '../ui/traffic';

/** Everything about a service at one glance. */
export class OverviewTab extends ReactWidget {
  constructor(private readonly context: IServiceTabContext) {
    super();
    this.addClass('jp-mldeploy-Overview');
  }

  override render(): JSX.Element {
    return <Overview context={this.context} tab={this} />;
  }
}

function Overview(props: {
  context: IServiceTabContext;
  tab: Widget;
}): JSX.Element {
  const { deployments, name, uid } = props.context;
  const { services, trans } = deployments;
  useSignal(services.changed);
  const noKeys = useWhyNot(deployments, 'read', 'secrets');
  const now = useNow(5);
  const listed = services.find(name, uid);
  const fresh = useFresh(props.context, props.tab, listed?.updated);
  const service = listed && fresh ? { ...listed, facts: fresh.facts } : listed;
  const live = fresh?.live ?? null;
  if (service === undefined) {
    return (
      <p className="jp-mldeploy-Muted">
        {trans.__('This service is not there any more.')}
      </p>
    );
  }
  const shares = traffic(service);
  const facts: [string, React.ReactNode][] = [
    [
      trans.__('Requests'),
      <Requests key="requests" deployments={deployments} service={service} />
    ],
    [trans.__('Target'), service.target],
    [
      trans.__('Traffic'),
      shares.length === 0
        ? trans.__('none')
        : shares
            .map(([version, share]) => trans.__('%1% to %2', share, version))
            .join(', ')
    ],
    [
      trans.__('Created'),
      <Moment key="created" epoch={service.created} now={now} trans={trans} />
    ],
    [
      trans.__('Changed'),
      <Moment key="changed" epoch={service.updated} now={now} trans={trans} />
    ],
    [
      trans.__('Life'),
      remaining(service.facts.expires, now, trans) ??
        trans.__('until it is stopped')
    ],
    ...figures(service, trans)
  ];
  if (live !== null) {
    facts.push([trans.__('From'), origin(live, trans)]);
    facts.push([trans.__('Digest'), <code key="digest">{live.digest}</code>]);
  }
  if (service.description) {
    facts.push([trans.__('Description'), service.description]);
  }
  const labels = { ...service.properties, ...service.tags };
  if (Object.keys(labels).length > 0) {
    facts.push([
      trans.__('Tags'),
      Object.entries(labels)
        .map(pair => pair.join('='))
        .join(', ')
    ]);
  }
  return (
    <>
      <dl className="jp-mldeploy-Facts">
        {facts.map(([label, value]) => (
          <React.Fragment key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
      <div className="jp-mldeploy-HeaderLine">
        <TextButton
          label={trans.__('Copy primary key')}
          whyNot={noKeys}
          run={() => void copyKey(deployments, name)}
        />
      </div>
    </>
  );
}

function Requests(props: {
  deployments: IDeployments;
  service: IService;
}): JSX.Element {
  const { rates, trans } = props.deployments;
  const { service } = props;
  useSignal(rates.changed);
  const answers = service.state === 'Healthy' || service.state === 'Unhealthy';
  React.useEffect(() => {
    if (answers) {
      const watch = rates.watch(service);
      return () => watch.dispose();
    }
    return undefined;
  }, [service.uid, answers]);
  return <Sparkline samples={rates.of(service.uid)} trans={trans} />;
}

function Moment(props: {
  epoch: number;
  now: number;
  trans: IDeployments['trans'];
}): JSX.Element {
  return (
    <span title={moment(props.epoch)}>
      {age(props.epoch, props.now, props.trans)}
    </span>
  );
}

/** Seconds between two comparisons of the service with the truth, while the tab is in sight. */
const LOOK_S = 5;

/** Return the service as its target has it, with the live revision; null as long as nobody knows. */
function useFresh(
  context: IServiceTabContext,
  tab: Widget,
  changes: unknown
): IServiceInFull | null {
  const [fresh, setFresh] = React.useState<IServiceInFull | null>(null);
  const { deployments, name, uid } = context;
  React.useEffect(() => {
    let isCurrent = true;
    const look = () => {
      if (!tab.isVisible || document.hidden) {
        return;
      }
      deployments.client.service(name).then(
        found => isCurrent && setFresh(found.uid === uid ? found : null),
        () => undefined // the store says what is wrong, in the panel
      );
    };
    look();
    const timer = window.setInterval(look, LOOK_S * 1000);
    return () => {
      isCurrent = false;
      window.clearInterval(timer);
    };
  }, [name, uid, changes]);
  return fresh;
}

/** Return what the target says about a service that runs: processes, memory, restarts, start. */
function figures(
  service: IService,
  trans: IDeployments['trans']
): [string, string][] {
  const found: [string, string][] = [];
  const { workers, memory_bytes: memory, restarts } = service.facts;
  if (Array.isArray(workers)) {
    const phases = workers
      .map(item =>
        item !== null && typeof item === 'object' && !Array.isArray(item)
          ? item.phase
          : null
      )
      .filter(
        (phase: JSONValue | undefined): phase is string =>
          typeof phase === 'string'
      );
    found.push([
      trans.__('Workers'),
      [workers.length, ...new Set(phases)].join(' · ')
    ]);
  }
  if (typeof memory === 'number') {
    found.push([trans.__('Memory'), bytes(memory)]);
  }
  if (typeof restarts === 'number' && restarts > 0) {
    found.push([trans.__('Restarts'), String(restarts)]);
  }
  return found;
}

function origin(revision: IRevision, trans: IDeployments['trans']): string {
  const { notebook, execution_count: count, path, file } = revision.origin;
  const place = file ?? notebook ?? path ?? trans.__('a text');
  return count === null ? place : trans.__('cell In[%1] of %2', count, place);
}

/** Copy the key; it is never shown, and asked for only now. */
async function copyKey(deployments: IDeployments, name: string): Promise<void> {
  const { client, trans } = deployments;
  try {
    Clipboard.copyToSystem((await client.keys(name)).primary);
    Notification.info(trans.__('The primary key of %1 is copied.', name), {
      autoClose: 3000
    });
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    Notification.error(describe(error), { autoClose: 8000 });
  }
}
