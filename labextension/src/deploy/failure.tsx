import type { JSONObject } from '@lumino/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { IErrorBody, IFinding, IFix, IOperationInFull } from '../api';
import type { IFrame } from '../logs/traceback';
import { isUsers } from '../logs/traceback';
import { CARD_MIME, type IPlaces } from '../tokens';
import { Findings } from './findings';

interface IVerdict {
  cause?: string;
  fix?: string;
  exception?: string | null;
  traceback?: { file: string; line: number; function: string; text: string }[];
  model_tree?: string[];
}

/** Why a deployment failed: the cause, the line of the cell, the last log lines, and what goes on serving. */
export function FailureView(props: {
  operation: IOperationInFull;
  error: IErrorBody;
  places: IPlaces | null;
  onShow(finding: IFinding): void;
  onFix(finding: IFinding, fix: IFix): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { operation, error, places, trans } = props;
  const [said, setSaid] = useState('');
  const { details } = error;
  const verdict = (details.postmortem ?? {}) as unknown as IVerdict;
  const card = (operation.card?.[CARD_MIME] ?? {}) as JSONObject;
  const revision = card.failed_revision;
  const frames = (verdict.traceback ?? []).map(
    (frame): IFrame & { text: string } => ({
      file: frame.file,
      line: frame.line,
      function: frame.function,
      text: frame.text,
      begin: 0,
      end: 0
    })
  );
  const mine = frames.filter(isUsers);
  const shown = mine.length > 0 ? mine : frames;
  const tail = (details.log_tail ?? []) as string[];
  const live = card.live_revision;
  const findings = (details.findings ??
    details.diagnostics ??
    []) as unknown as IFinding[];
  const jump = async (frame: IFrame): Promise<void> => {
    if (places && typeof revision === 'number') {
      setSaid((await places.jump(operation.service, revision, frame)) ?? '');
    }
  };
  return (
    <section
      className="jp-mldeploy-Response jp-mldeploy-Failure"
      aria-label={trans.__('Why it failed')}
    >
      <p role="alert">
        <span className="jp-mldeploy-Badge" data-tone="bad">
          {operation.state === 'cancelled'
            ? trans.__('cancelled')
            : operation.state === 'interrupted'
              ? trans.__('cut off')
              : trans.__('failed')}
        </span>{' '}
        <strong>{error.message}</strong>
      </p>
      {error.hint && <p>{trans.__('Next: %1', error.hint)}</p>}
      {typeof live === 'number' && (
        <p>{trans.__('Revision %1 goes on serving.', live)}</p>
      )}
      {shown.length > 0 && (
        <ul className="jp-mldeploy-List" aria-label={trans.__('Traceback')}>
          {shown.map((frame, at) => (
            <li key={at}>
              <button
                type="button"
                className="jp-mldeploy-Link"
                disabled={places === null || typeof revision !== 'number'}
                title={trans.__('Show where this line came from')}
                onClick={() => void jump(frame)}
              >
                {trans.__('%1, line %2', frame.file, frame.line)}
                {frame.function && ` (${frame.function})`}
              </button>{' '}
              <code>{frame.text.trim()}</code>
            </li>
          ))}
        </ul>
      )}
      <Findings
        findings={findings}
        onShow={props.onShow}
        onFix={props.onFix}
        trans={trans}
      />
      {verdict.exception && <pre tabIndex={0}>{verdict.exception}</pre>}
      {tail.length > 0 && (
        <details>
          <summary>{trans.__('Last log lines')}</summary>
          <pre tabIndex={0}>{tail.join('\n')}</pre>
        </details>
      )}
      <p role="status">{said}</p>
    </section>
  );
}
