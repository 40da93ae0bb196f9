import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IContent, IInvocation } from '../api';
import { parseJson, writeJson } from '../forms/json';
import type { IExchange } from './session';
import { secondsText } from './timings';

/** Characters of a body that are shown; a page of many megabytes would stall. */
const MOST_SHOWN = 200_000;

/** What came of a request. */
export function ResponseView(props: {
  exchange: IExchange;
  trans: TranslationBundle;
}): JSX.Element {
  const { exchange, trans } = props;
  if (exchange.pending) {
    return (
      <div className="jp-mldeploy-Response" role="status">
        {trans.__('Waiting for the answer …')}
      </div>
    );
  }
  const { answer } = exchange;
  if (answer === null) {
    return (
      <div className="jp-mldeploy-Response" role="status">
        <StatusBadge status={null} trans={trans} /> {exchange.failure}
      </div>
    );
  }
  const headers = Object.entries(answer.headers);
  return (
    <div className="jp-mldeploy-Response">
      <p className="jp-mldeploy-Response-head" role="status">
        <StatusBadge status={answer.status} trans={trans} />{' '}
        <span>{secondsText(answer.seconds)}</span>
        {' · '}
        <span>{sizeText(answer, trans)}</span>
      </p>
      <BodyView answer={answer} trans={trans} />
      {answer.explanation.length > 0 && (
        <details open className="jp-mldeploy-Response-why">
          <summary>{trans.__('What the log says about it')}</summary>
          <pre tabIndex={0}>{answer.explanation.join('\n')}</pre>
        </details>
      )}
      <details>
        <summary>{trans._n('%1 header', '%1 headers', headers.length)}</summary>
        <table className="jp-mldeploy-Table">
          <tbody>
            {headers.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}

/** A status with what it means, never by colour alone. */
export function StatusBadge(props: {
  status: number | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { status, trans } = props;
  const good = status !== null && status >= 200 && status < 300;
  const text =
    status === null
      ? trans.__('no answer')
      : good
        ? trans.__('%1 OK', status)
        : status < 500
          ? trans.__('%1 refused', status)
          : trans.__('%1 failed', status);
  return (
    <span className="jp-mldeploy-Badge" data-tone={good ? 'good' : 'bad'}>
      {text}
    </span>
  );
}

function BodyView(props: {
  answer: IInvocation;
  trans: TranslationBundle;
}): JSX.Element {
  const { answer, trans } = props;
  const type = answer.headers['content-type'] ?? '';
  const { base64 } = answer.body;
  if (base64 !== null && /^image\/(png|jpeg|gif|webp)\b/.test(type)) {
    return (
      <img
        className="jp-mldeploy-Response-image"
        alt={trans.__('The image that the service answered with')}
        src={`data:${type.split(';')[0]};base64,${base64}`}
      />
    );
  }
  const text = bodyText(answer.body, type);
  return (
    <>
      <pre
        className="jp-mldeploy-Response-body"
        tabIndex={0}
        aria-label={trans.__('Body of the answer')}
      >
        {base64 !== null
          ? trans.__('%1 bytes that are no text', answer.size)
          : text.slice(0, MOST_SHOWN) || trans.__('(empty)')}
      </pre>
      {(answer.truncated || text.length > MOST_SHOWN) && (
        <p className="jp-mldeploy-Field-about">
          {trans.__('The body goes on; only its beginning is shown.')}
        </p>
      )}
    </>
  );
}

/** Return a body for people: JSON with line breaks, its numbers as the service wrote them. */
export function bodyText(body: IContent, contentType: string): string {
  const text = body.text ?? '';
  if (!contentType.includes('json') || text.length > MOST_SHOWN) {
    return text;
  }
  try {
    return writeJson(parseJson(text), 2);
  } catch {
    return text;
  }
}

function sizeText(answer: IInvocation, trans: TranslationBundle): string {
  const { size } = answer;
  return size < 10_000
    ? trans._n('%1 byte', '%1 bytes', size)
    : trans.__('%1 KB', (size / 1000).toFixed(1));
}
