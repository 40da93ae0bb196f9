import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useState } from 'react';

import { type ApiClient, describe } from '../api';
import { type Json, writeJson } from '../forms/json';
import {
  cut,
  howMuch,
  type IAnswerChanged,
  type IReplay,
  MOST_ROWS,
  placeText,
  readReplay,
  summary
} from './replay';

/** What a replay found: how many answers are others now, and these. */
export function ReplayResult(props: {
  client: ApiClient;
  /** Of the operation, which has succeeded. */
  id: string;
  onOpen(body: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { client, id, trans } = props;
  const [found, setFound] = useState<IReplay | null>(null);
  const [unread, setUnread] = useState('');
  useEffect(() => {
    let gone = false;
    client
      .operationText(id)
      .then(text => {
        if (!gone) {
          setFound(readReplay(text));
        }
      })
      .catch(error => {
        if (!gone) {
          setUnread(describe(error));
        }
      });
    return () => {
      gone = true;
    };
  }, [id]);
  if (found === null) {
    return unread ? (
      <p className="jp-mldeploy-Field-error" role="alert">
        {unread}
      </p>
    ) : (
      <p role="status">{trans.__('Reading the result …')}</p>
    );
  }
  const hidden = found.answers.length - MOST_ROWS;
  return (
    <div className="jp-mldeploy-Response">
      <p role="status">
        <strong>{summary(found, trans)}</strong>{' '}
        {found.revision !== null && trans.__('(revision %1)', found.revision)}
        {found.largest && (
          <>
            <br />
            {trans.__(
              'The largest difference: %1',
              placeText(found.largest, trans)
            )}
          </>
        )}
      </p>
      {found.answers.length > 0 && (
        <Answers
          answers={found.answers.slice(0, MOST_ROWS)}
          onOpen={props.onOpen}
          trans={trans}
        />
      )}
      {hidden > 0 && (
        <p className="jp-mldeploy-Field-about">
          {trans._n(
            '%1 more answer is not shown here; the operation’s result in the REST API has it.',
            '%1 more answers are not shown here; the operation’s result in the REST API has them.',
            hidden
          )}
        </p>
      )}
    </div>
  );
}

function Answers(props: {
  answers: readonly IAnswerChanged[];
  onOpen(body: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  return (
    <div
      className="jp-mldeploy-scroll jp-mldeploy-Replay"
      role="region"
      aria-label={trans.__('Answers that changed')}
      tabIndex={0}
    >
      <table className="jp-mldeploy-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Request')}</th>
            <th scope="col">{trans.__('Before')}</th>
            <th scope="col">{trans.__('Now')}</th>
            <th scope="col">{trans.__('By how much')}</th>
          </tr>
        </thead>
        <tbody>
          {props.answers.map((item, number) => (
            <tr key={number}>
              <td>
                <Cut value={item.body} />
                <button
                  type="button"
                  className="jp-mldeploy-Link"
                  aria-label={trans.__('Edit request %1', number + 1)}
                  title={trans.__('Show it in the editor')}
                  onClick={() => props.onOpen(writeJson(item.body, 2))}
                >
                  {trans.__('Edit')}
                </button>
              </td>
              <td>
                <Cut value={item.before} />
              </td>
              <td>{item.error === null ? <Cut value={item.after} /> : '–'}</td>
              <td>
                <ul className="jp-mldeploy-List">
                  {howMuch(item, trans).map((text, at) => (
                    <li key={at}>{text}</li>
                  ))}
                </ul>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** JSON on one line; what is too long for a cell is unfolded. */
function Cut(props: { value: Json }): JSX.Element {
  const text = writeJson(props.value);
  const begin = cut(text);
  return begin === text ? (
    <div className="jp-mldeploy-mono">{text}</div>
  ) : (
    <details>
      <summary className="jp-mldeploy-mono">{begin}</summary>
      <pre tabIndex={0}>{writeJson(props.value, 2)}</pre>
    </details>
  );
}
