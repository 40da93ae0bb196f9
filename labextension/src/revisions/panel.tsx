import { ReactWidget } from '@jupyterlab/ui-components';
import React, { useEffect, useState } from 'react';

import { ApiError, type IOperation, type IRevision, describe } from '../api';
import type { IServiceTabContext } from '../tokens';
import { TextButton } from '../ui/buttons';
import { useWhyNot } from '../ui/hooks';

/** The Revisions tab: what was live when, compare two of them, serve an earlier one again. */
export class RevisionsPanel extends ReactWidget {
  constructor(
    private readonly context: IServiceTabContext,
    private readonly compare: (from: number, to: number) => void
  ) {
    super();
    this.addClass('jp-mldeploy-Tab');
    this.addClass('jp-mldeploy-Revisions');
  }

  protected override render(): JSX.Element {
    return <RevisionsView context={this.context} compare={this.compare} />;
  }
}

function RevisionsView(props: {
  context: IServiceTabContext;
  compare: (from: number, to: number) => void;
}): JSX.Element {
  const { context, compare } = props;
  const { client, services, trans } = context.deployments;
  const [revisions, setRevisions] = useState<IRevision[] | null>(null);
  const [from, setFrom] = useState<number | null>(null);
  const [to, setTo] = useState<number | null>(null);
  const [said, setSaid] = useState('');
  const [failed, setFailed] = useState('');
  const [busy, setBusy] = useState<number | null>(null);
  const whyNot = useWhyNot(context.deployments, 'write', 'services');

  useEffect(() => {
    let gone = false;
    let known = '';
    const load = async (): Promise<void> => {
      try {
        const found = await client.revisions(context.name);
        if (!gone) {
          setRevisions(found);
        }
      } catch (error) {
        if (!gone) {
          setFailed(describe(error));
        }
      }
    };
    const onChanged = (): void => {
      const service = services.find(context.name, context.uid);
      const now = `${service?.revision} ${service?.operations.length}`;
      if (now !== known) {
        known = now;
        void load();
      }
    };
    services.changed.connect(onChanged);
    void load();
    return () => {
      gone = true;
      services.changed.disconnect(onChanged);
    };
  }, [context.uid]);

  if (revisions === null) {
    return <p role="status">{failed || trans.__('Reading …')}</p>;
  }
  const live = revisions.find(item => item.state === 'live')?.revision ?? null;
  const newest = revisions[0]?.revision ?? null;
  const shownTo = to ?? live ?? newest;
  const shownFrom =
    from ?? revisions.find(item => item.revision !== shownTo)?.revision ?? null;

  const rollBack = async (number: number): Promise<void> => {
    setBusy(number);
    setFailed('');
    setSaid(trans.__('Going back to revision %1 …', number));
    try {
      let operation: IOperation = await client.rollback(
        context.name,
        number,
        30
      );
      if (operation.state === 'running') {
        operation = await client.finished(operation);
      }
      if (operation.error) {
        throw new ApiError(409, operation.error);
      }
      setSaid(trans.__('The content of revision %1 is live again.', number));
      setRevisions(await client.revisions(context.name));
    } catch (error) {
      setSaid('');
      setFailed(describe(error));
    } finally {
      setBusy(null);
    }
  };

  return (
    <>
      <div className="jp-mldeploy-Row">
        <button
          type="button"
          className="jp-mldeploy-Button"
          data-look="accept"
          disabled={
            shownFrom === null || shownTo === null || shownFrom === shownTo
          }
          onClick={() =>
            shownFrom !== null &&
            shownTo !== null &&
            compare(Math.min(shownFrom, shownTo), Math.max(shownFrom, shownTo))
          }
        >
          {shownFrom !== null && shownTo !== null
            ? trans.__('Compare %1 with %2', shownFrom, shownTo)
            : trans.__('Compare')}
        </button>
        <span role="status">{said}</span>
      </div>
      {failed && (
        <p className="jp-mldeploy-Field-error" role="alert">
          {failed}
        </p>
      )}
      <div className="jp-mldeploy-scroll">
        <table className="jp-mldeploy-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Compare')}</th>
              <th scope="col">{trans.__('With')}</th>
              <th scope="col">{trans.__('Revision')}</th>
              <th scope="col">{trans.__('State')}</th>
              <th scope="col">{trans.__('Created')}</th>
              <th scope="col">{trans.__('From')}</th>
              <th scope="col">{trans.__('Action')}</th>
            </tr>
          </thead>
          <tbody>
            {revisions.map(item => (
              <tr key={item.revision} data-revision={item.revision}>
                <td>
                  <input
                    type="radio"
                    name={`from-${context.uid}`}
                    aria-label={trans.__('Compare revision %1', item.revision)}
                    checked={item.revision === shownFrom}
                    onChange={() => setFrom(item.revision)}
                  />
                </td>
                <td>
                  <input
                    type="radio"
                    name={`to-${context.uid}`}
                    aria-label={trans.__('with revision %1', item.revision)}
                    checked={item.revision === shownTo}
                    onChange={() => setTo(item.revision)}
                  />
                </td>
                <td>{item.revision}</td>
                <td>
                  <span
                    className="jp-mldeploy-Badge"
                    data-tone={
                      item.state === 'live'
                        ? 'good'
                        : item.state === 'failed'
                          ? 'bad'
                          : undefined
                    }
                  >
                    {stateText(item.state, trans)}
                  </span>
                  {item.reason && (
                    <p className="jp-mldeploy-Field-about">{item.reason}</p>
                  )}
                </td>
                <td className="jp-mldeploy-When">
                  {new Date(item.created * 1000).toLocaleString(undefined, {
                    dateStyle: 'medium',
                    timeStyle: 'medium'
                  })}
                </td>
                <td>{originText(item, trans)}</td>
                <td>
                  {item.state === 'superseded' && (
                    <TextButton
                      label={trans.__('Roll back to %1', item.revision)}
                      disabled={busy !== null}
                      whyNot={whyNot}
                      run={() => void rollBack(item.revision)}
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function stateText(
  state: IRevision['state'],
  trans: IServiceTabContext['deployments']['trans']
): string {
  switch (state) {
    case 'live':
      return trans.__('live');
    case 'failed':
      return trans.__('failed');
    case 'candidate':
      return trans.__('starting');
    case 'superseded':
      return trans.__('superseded');
  }
}

function originText(
  revision: IRevision,
  trans: IServiceTabContext['deployments']['trans']
): string {
  const back = revision.facts.rollback_of;
  if (typeof back === 'number') {
    return trans.__('revision %1', back);
  }
  const { execution_count, notebook, path, file } = revision.origin;
  const from = (file ?? notebook ?? path ?? '').split('/').pop() ?? '';
  return execution_count === null
    ? from || trans.__('a text')
    : `In[${execution_count}] ${from}`;
}
