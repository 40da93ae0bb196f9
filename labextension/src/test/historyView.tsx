import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { StatusBadge } from './response';
import type { IExchange } from './session';
import { secondsText } from './timings';

/** The requests of the session, to look at or send again. */
export function HistoryView(props: {
  history: readonly IExchange[];
  /** Number of the exchange that is shown. */
  shown: number | null;
  onOpen(exchange: IExchange): void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { history, shown, onOpen, trans } = props;
  if (history.length < 2) {
    return null;
  }
  return (
    <details className="jp-mldeploy-Part">
      <summary>{trans.__('History (%1)', history.length)}</summary>
      <ul className="jp-mldeploy-List jp-mldeploy-History">
        {history.map(exchange => (
          <li key={exchange.number}>
            <button
              type="button"
              className="jp-mldeploy-Link"
              aria-current={exchange.number === shown ? true : undefined}
              title={trans.__('Show it in the editor')}
              onClick={() => onOpen(exchange)}
            >
              #{exchange.number} {new Date(exchange.sent).toLocaleTimeString()}{' '}
              <code>{glance(exchange)}</code>
            </button>{' '}
            {!exchange.pending && (
              <StatusBadge
                status={exchange.answer?.status ?? null}
                trans={trans}
              />
            )}{' '}
            {exchange.answer && secondsText(exchange.answer.seconds)}
          </li>
        ))}
      </ul>
    </details>
  );
}

function glance(exchange: IExchange): string {
  const { body } = exchange;
  if (body.kind === 'file') {
    return body.file.name;
  }
  const text = body.text.replace(/\s+/g, ' ');
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
