import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useState } from 'react';

import {
  describe,
  type IOperationInFull,
  type IProfile,
  type IProfileRun
} from '../api';
import { useOperation } from '../deploy/following';
import { lastOperation } from '../deploy/last';
import { ProgressView, Unsuccessful } from '../deploy/progress';
import type { IServiceTabContext } from '../tokens';
import { TextButton } from '../ui/buttons';
import { useSignal, useWhyNot } from '../ui/hooks';
import { NumberInput } from '../ui/numbers';
import {
  LONGEST_S,
  bodiesOf,
  chartUrl,
  choices,
  figure,
  type IChoice,
  isJson,
  readDraft,
  whyNone
} from './profile';
import type { Body, TestSession } from './session';
import { secondsText } from './timings';

/** How much CPU and memory the service needs: a temporary one is put under load with the request in the editor. */
export function ProfileView(props: {
  context: IServiceTabContext;
  session: TestSession;
  /** Return what to send; null when it cannot be sent. */
  body(): Body | null;
}): JSX.Element {
  const { session } = props;
  const { deployments, name, uid } = props.context;
  const { client, services, trans } = deployments;
  const [found, setFound] = useState<readonly IChoice[] | null>(null);
  const [picked, setPicked] = useState<string | null>(null);
  const [draft, setDraft] = useState({
    cpu: '',
    memory: '',
    rate: '',
    deadline: '60'
  });
  const [withHistory, setWithHistory] = useState(true);
  const [refused, setRefused] = useState('');
  const followed = useOperation(deployments, () => undefined);
  const mayNot = useWhyNot(deployments, 'write', 'services');
  useSignal(session.changed);
  const { operation, ended } = followed;

  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      try {
        const [targets, operations] = await Promise.all([
          client.targets(),
          client.operations()
        ]);
        if (gone) {
          return;
        }
        setFound(choices(targets, trans));
        // The work is the server's: what was begun before the tab was closed is found again.
        const service = services.find(name, uid);
        const since = service?.created ?? 0;
        followed.follow(lastOperation(operations, 'profile', name, since));
      } catch (error) {
        if (!gone) {
          setFound([]);
          setRefused(describe(error));
        }
      }
    };
    void load();
    return () => {
      gone = true;
    };
  }, []);

  if (found === null) {
    return (
      <p role="status">{trans.__('Asking which targets can measure …')}</p>
    );
  }
  const usable = found.filter(item => item.whyNot === null);
  const own = services.find(name, uid)?.target;
  const choice =
    usable.find(item => item.name === picked) ??
    usable.find(item => item.name === own) ??
    usable[0];
  const whyNot = mayNot ?? whyNone(found, trans);
  const isRunning = operation !== null && ended === null;
  const disabled = whyNot !== null || followed.isBusy;
  const change = (key: keyof typeof draft) => (value: string) =>
    setDraft({ ...draft, [key]: value });

  const start = async (): Promise<void> => {
    setRefused('');
    const body = props.body();
    if (body === null || choice === undefined) {
      return;
    }
    const limits = readDraft(draft, choice, trans);
    if (typeof limits === 'string' || !isJson(body)) {
      setRefused(
        typeof limits === 'string'
          ? limits
          : trans.__('A profile sends JSON; this request is something else.')
      );
      return;
    }
    const requests = bodiesOf(body, withHistory ? session.history : []);
    try {
      await followed.begin(() => client.profile(name, { ...limits, requests }));
    } catch (error) {
      setRefused(describe(error));
    }
  };

  return (
    <section className="jp-mldeploy-Section" aria-label={trans.__('Profile')}>
      <p className="jp-mldeploy-Field-about">
        {trans.__(
          'A temporary service with the same bytes gets the request above under rising load, then with smaller limits, until the deadline at the latest. What is served now is not touched.'
        )}
      </p>
      <div className="jp-mldeploy-Row">
        <label>
          {trans.__('Target')}{' '}
          <select
            className="jp-mod-styled"
            value={choice?.name}
            disabled={disabled}
            onChange={event => setPicked(event.target.value)}
          >
            {usable.map(item => (
              <option key={item.name}>{item.name}</option>
            ))}
          </select>
        </label>
        <NumberInput
          label={trans.__('CPU (cores)')}
          min={0}
          step="any"
          placeholder={trans.__('all')}
          value={choice?.canLimit.cpu === false ? '' : draft.cpu}
          disabled={disabled || !choice?.canLimit.cpu}
          onChange={change('cpu')}
        />
        <NumberInput
          label={trans.__('Memory (GiB)')}
          min={0}
          step="any"
          placeholder={trans.__('all')}
          value={choice?.canLimit.memory_gb === false ? '' : draft.memory}
          disabled={disabled || !choice?.canLimit.memory_gb}
          onChange={change('memory')}
        />
        <NumberInput
          label={trans.__('Requests per second to reach')}
          min={0}
          step="any"
          placeholder={trans.__('any')}
          value={draft.rate}
          disabled={disabled}
          onChange={change('rate')}
        />
        <NumberInput
          label={trans.__('Deadline (s)')}
          min={1}
          max={LONGEST_S}
          value={draft.deadline}
          disabled={disabled}
          onChange={change('deadline')}
        />
        <label>
          <input
            type="checkbox"
            checked={withHistory}
            disabled={disabled}
            onChange={event => setWithHistory(event.target.checked)}
          />
          {trans.__('with the answered requests of the history')}
        </label>
        <TextButton
          label={trans.__('Run profile')}
          whyNot={whyNot}
          disabled={followed.isBusy}
          run={() => void start()}
        />
      </div>
      {choice && !choice.canLimit.cpu && (
        <p className="jp-mldeploy-Field-about">
          {trans.__('Target %1 cannot limit CPU.', choice.name)}
        </p>
      )}
      {whyNot && <p className="jp-mldeploy-Field-about">{whyNot}</p>}
      {[refused, ...followed.problems].filter(Boolean).map(text => (
        <p key={text} className="jp-mldeploy-Field-error" role="alert">
          {text}
        </p>
      ))}
      {isRunning && (
        <ProgressView
          deployments={deployments}
          operation={operation}
          cancelLabel={trans.__('Cancel the profile')}
          trans={trans}
        />
      )}
      {ended && <Ended ended={ended} trans={trans} />}
    </section>
  );
}

function Ended(props: {
  ended: IOperationInFull;
  trans: TranslationBundle;
}): JSX.Element {
  const { ended, trans } = props;
  if (ended.state !== 'succeeded') {
    return (
      <Unsuccessful
        ended={ended}
        cancelled={trans.__('The profile was cancelled.')}
        failed={trans.__('The profile failed.')}
      />
    );
  }
  const profile = ended.result as unknown as IProfile;
  const chart = profile.runs.length > 0 ? chartUrl(ended.card) : null;
  return (
    <div className="jp-mldeploy-Response">
      <p role="status">
        <strong>
          {trans.__(
            'Recommended: %1 CPU, %2 GiB',
            figure(profile.recommendedCpu),
            figure(profile.recommendedMemoryInGB)
          )}
        </strong>{' '}
        {trans.__('on %1', profile.target)}
        <br />
        {trans.__(
          'Used at most %1 CPU and %2 GiB · %3 requests, %4 percent answered · %5 a second at best',
          figure(profile.maxUtilizedCpu),
          figure(profile.maxUtilizedMemoryInGB),
          profile.totalQueries,
          figure(profile.successRate),
          figure(profile.measuredQueriesPerSecond)
        )}
      </p>
      {profile.error && (
        <p className="jp-mldeploy-Field-error" role="alert">
          {profile.error.message}
        </p>
      )}
      {profile.notes.length > 0 && (
        <ul className="jp-mldeploy-List">
          {profile.notes.map(note => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {profile.runs.length > 0 && <Runs runs={profile.runs} trans={trans} />}
      {chart && (
        <img
          className="jp-mldeploy-Response-image"
          src={chart}
          alt={trans.__(
            'Latency over load, as in the table: median and 95th percentile of each number of connections'
          )}
        />
      )}
    </div>
  );
}

function Runs(props: {
  runs: readonly IProfileRun[];
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  return (
    <div
      className="jp-mldeploy-scroll"
      role="region"
      aria-label={trans.__('Runs')}
      tabIndex={0}
    >
      <table className="jp-mldeploy-Table jp-mldeploy-Runs">
        <thead>
          <tr>
            <th scope="col">{trans.__('CPU limit')}</th>
            <th scope="col">{trans.__('GiB limit')}</th>
            <th scope="col">{trans.__('Connections')}</th>
            <th scope="col">{trans.__('Requests/s')}</th>
            <th scope="col">{trans.__('p50')}</th>
            <th scope="col">{trans.__('p95')}</th>
            <th scope="col">{trans.__('CPU')}</th>
            <th scope="col">{trans.__('GiB')}</th>
            <th scope="col">{trans.__('Failed')}</th>
          </tr>
        </thead>
        <tbody>
          {props.runs.map((run, at) => (
            <tr key={at}>
              <td>{figure(run.cpu)}</td>
              <td>{figure(run.memory_gb)}</td>
              <td>{run.connections}</td>
              <td>{figure(run.qps)}</td>
              <td>{secondsText(run.p50_ms / 1000)}</td>
              <td>{secondsText(run.p95_ms / 1000)}</td>
              <td>{figure(run.cpu_used)}</td>
              <td>{figure(run.memory_used_gb)}</td>
              <td>{run.error || run.failed}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
