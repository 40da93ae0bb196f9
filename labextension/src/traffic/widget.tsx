import { Notification } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';
import * as React from 'react';

import {
  describe,
  type IOperation,
  type IRevision,
  type IVersion
} from '../api';
import { secondsText } from '../test/timings';
import type { IDeployments, IServiceTabContext } from '../tokens';
import { TextButton } from '../ui/buttons';
import { useWhyNot } from '../ui/hooks';
import { type Drafts, read } from './shares';

/** Seconds between two looks at the figures, while the tab is in sight. */
const LOOK_S = 3;
const STEPS = [5, 20, 50];

/** Divides a service's requests among versions. */
export class TrafficTab extends ReactWidget {
  constructor(private readonly context: IServiceTabContext) {
    super();
    this.addClass('jp-mldeploy-Traffic');
  }

  override render(): JSX.Element {
    return <Traffic context={this.context} tab={this} />;
  }
}

function Traffic(props: {
  context: IServiceTabContext;
  tab: Widget;
}): JSX.Element {
  const { deployments, name } = props.context;
  const { client, trans } = deployments;
  const [versions, setVersions] = React.useState<readonly IVersion[] | null>(
    null
  );
  const [problem, setProblem] = React.useState('');
  const [working, setWorking] = React.useState('');
  const [drafts, setDrafts] = React.useState<Drafts>({});
  const whyNot = useWhyNot(deployments, 'write', 'services');
  const look = React.useCallback(async () => {
    try {
      setVersions((await client.traffic(name)).versions);
      setProblem('');
    } catch (error) {
      setProblem(describe(error));
    }
  }, [name]);
  React.useEffect(() => {
    void look();
    const timer = window.setInterval(() => {
      if (props.tab.isVisible && !document.hidden) {
        void look();
      }
    }, LOOK_S * 1000);
    return () => window.clearInterval(timer);
  }, [look]);
  const act = async (said: string, begin: () => Promise<IOperation>) => {
    setWorking(said);
    setProblem('');
    try {
      const done = await client.finished(await begin());
      setDrafts({});
      const verdict = verdictOf(done.result);
      if (verdict !== null) {
        Notification.info(verdict, { autoClose: false });
      }
    } catch (error) {
      setProblem(describe(error));
    } finally {
      setWorking('');
      await look();
      await deployments.services.refresh();
    }
  };
  if (versions === null) {
    return problem ? (
      <Problem text={problem} />
    ) : (
      <p className="jp-mldeploy-Muted">{trans.__('Looking…')}</p>
    );
  }
  const reading = read(versions, drafts);
  return (
    <>
      {problem && <Problem text={problem} />}
      {versions.length === 0 ? (
        <p>
          {trans.__(
            'One revision gets all requests. With another version beside it, requests can be divided, copied to the new one, or moved step by step while a referee compares errors and latency.'
          )}
        </p>
      ) : (
        <form
          onSubmit={event => {
            event.preventDefault();
            void act(trans.__('Dividing the requests…'), () =>
              client.setTraffic(name, { traffic: reading.shares })
            );
          }}
        >
          <table className="jp-mldeploy-Versions">
            <caption className="jp-mldeploy-Hidden">
              {trans.__('Versions of %1', name)}
            </caption>
            <thead>
              <tr>
                <th scope="col">{trans.__('Version')}</th>
                <th scope="col">{trans.__('Share')}</th>
                <th scope="col">{trans.__('Requests')}</th>
                <th scope="col">{trans.__('Failed')}</th>
                <th scope="col">{trans.__('p95')}</th>
                <th scope="col">{trans.__('Do')}</th>
              </tr>
            </thead>
            <tbody>
              {versions.map(version => (
                <Row
                  key={version.name}
                  version={version}
                  draft={drafts[version.name]}
                  rest={reading.rest}
                  isWrong={reading.wrong.includes(version.name)}
                  isBusy={working !== ''}
                  whyNot={whyNot}
                  trans={trans}
                  edit={text => setDrafts({ ...drafts, [version.name]: text })}
                  finish={() =>
                    void act(trans.__('Serving %1 alone…', version.name), () =>
                      client.finishVersion(name, version.name)
                    )
                  }
                  remove={() =>
                    void act(trans.__('Removing %1…', version.name), () =>
                      client.deleteVersion(name, version.name)
                    )
                  }
                  tryIt={() =>
                    void act(
                      trans.__(
                        'Trying %1 at 5, 20 and 50 %; the log of events tells how it goes…',
                        version.name
                      ),
                      () => client.canary(name, version.name, { steps: STEPS })
                    )
                  }
                />
              ))}
            </tbody>
          </table>
          {reading.tooMuch && (
            <Problem text={trans.__('Together they are more than 100 %.')} />
          )}
          <button
            type="submit"
            className="jp-mldeploy-Button"
            data-look="accept"
            disabled={
              working !== '' ||
              !reading.changed ||
              reading.tooMuch ||
              reading.wrong.length > 0
            }
          >
            {trans.__('Apply')}
          </button>
        </form>
      )}
      <p role="status">{working}</p>
      {whyNot && <p className="jp-mldeploy-Muted">{whyNot}</p>}
      <AddVersion
        context={props.context}
        isBusy={working !== '' || whyNot !== null}
        add={(version, revision, share) =>
          void act(trans.__('Starting version %1…', version), () =>
            client.createVersion(name, { version, revision, traffic: share })
          )
        }
      />
    </>
  );
}

function Row(props: {
  version: IVersion;
  draft: string | undefined;
  rest: number;
  isWrong: boolean;
  isBusy: boolean;
  whyNot: string | null;
  trans: IDeployments['trans'];
  edit: (text: string) => void;
  finish: () => void;
  remove: () => void;
  tryIt: () => void;
}): JSX.Element {
  const { version, trans } = props;
  const { figures } = version;
  return (
    <tr>
      <th scope="row">
        {version.name}
        {version.default && (
          <span className="jp-mldeploy-Muted"> {trans.__('default')}</span>
        )}
        {version.mirror > 0 && (
          <span className="jp-mldeploy-Muted">
            {' '}
            {trans.__('copies %1%', version.mirror)}
          </span>
        )}
      </th>
      <td className="jp-mldeploy-Whole">
        {version.default ? (
          <span>{trans.__('%1%', props.rest)}</span>
        ) : (
          <>
            <input
              type="number"
              min={0}
              max={100}
              step="any"
              aria-label={trans.__('Share of %1 in percent', version.name)}
              aria-invalid={props.isWrong}
              value={props.draft ?? String(version.weight)}
              disabled={props.isBusy || props.whyNot !== null}
              title={props.whyNot ?? undefined}
              onChange={event => props.edit(event.target.value)}
            />
            {' %'}
          </>
        )}
      </td>
      <td>{figures?.requests ?? '–'}</td>
      <td>{figures?.errors ?? '–'}</td>
      <td className="jp-mldeploy-Whole">
        {figures?.p95_ms === null || figures === null
          ? '–'
          : secondsText(figures.p95_ms / 1000)}
      </td>
      <td>
        <div className="jp-mldeploy-Actions">
          <TextButton
            label={trans.__('Serve alone')}
            title={trans.__('Serve %1 alone', version.name)}
            run={props.finish}
            whyNot={props.whyNot}
            disabled={props.isBusy}
          />
          {!version.default && (
            <>
              <TextButton
                label={trans.__('Canary')}
                title={trans.__(
                  'Raise the share of %1 while it is no worse than the default; promote or roll back',
                  version.name
                )}
                run={props.tryIt}
                whyNot={props.whyNot}
                disabled={props.isBusy}
              />
              <TextButton
                label={trans.__('Remove')}
                title={trans.__('Remove %1', version.name)}
                run={props.remove}
                whyNot={props.whyNot}
                disabled={props.isBusy}
                look="warn"
              />
            </>
          )}
        </div>
      </td>
    </tr>
  );
}

function AddVersion(props: {
  context: IServiceTabContext;
  isBusy: boolean;
  add: (version: string, revision: number, share: number) => void;
}): JSX.Element {
  const { deployments, name } = props.context;
  const { client, trans } = deployments;
  const [revisions, setRevisions] = React.useState<readonly IRevision[]>([]);
  React.useEffect(() => {
    client.revisions(name).then(
      found =>
        setRevisions(
          found.filter(
            item => item.state === 'live' || item.state === 'superseded'
          )
        ),
      () => setRevisions([])
    );
  }, [name, props.isBusy]);
  return (
    <details>
      <summary>{trans.__('Add a version from an earlier revision')}</summary>
      <form
        className="jp-mldeploy-Inline"
        onSubmit={event => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          props.add(
            String(form.get('version')),
            Number(form.get('revision')),
            Number(form.get('share'))
          );
        }}
      >
        <label>
          {trans.__('Name')}{' '}
          <input
            name="version"
            required
            pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
            maxLength={20}
            placeholder={trans.__('for example green')}
          />
        </label>
        <label>
          {trans.__('Revision')}{' '}
          <select name="revision">
            {revisions.map(item => (
              <option key={item.revision} value={item.revision}>
                {item.revision}
              </option>
            ))}
          </select>
        </label>
        <label>
          {trans.__('Share')}{' '}
          <input
            name="share"
            type="number"
            min={0}
            max={100}
            defaultValue={0}
          />
          {' %'}
        </label>
        <button
          type="submit"
          className="jp-mldeploy-Button"
          disabled={props.isBusy || revisions.length === 0}
        >
          {trans.__('Add')}
        </button>
      </form>
    </details>
  );
}

function Problem(props: { text: string }): JSX.Element {
  return (
    <p className="jp-mldeploy-Problem" role="alert">
      {props.text}
    </p>
  );
}

/** Return what a canary's referee said, or null when there was none. */
function verdictOf(result: Record<string, unknown> | null): string | null {
  const verdict = result?.verdict as { reason?: unknown } | undefined;
  return typeof result?.decision === 'string' &&
    typeof verdict?.reason === 'string'
    ? `${result.decision}: ${verdict.reason}`
    : null;
}
