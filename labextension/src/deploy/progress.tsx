import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useState } from 'react';

import type { IOperation } from '../api';
import { describe } from '../api';
import { secondsText } from '../test/timings';
import type { IDeployments } from '../tokens';
import { TextButton } from '../ui/buttons';
import { useWhyNot } from '../ui/hooks';

/** The sub-steps of long work with their times; it can be given up. */
export function ProgressView(props: {
  deployments: IDeployments;
  operation: IOperation;
  /** The button that gives it up. */
  cancelLabel: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { deployments, operation, trans } = props;
  const running = operation.state === 'running';
  const [said, setSaid] = useState('');
  const whyNot = useWhyNot(deployments, 'write', 'services');
  const [, tick] = useState(0);
  useEffect(() => {
    if (!running) {
      return;
    }
    const timer = window.setInterval(() => tick(now => now + 1), 250);
    return () => window.clearInterval(timer);
  }, [running]);
  const cancel = async (): Promise<void> => {
    try {
      await deployments.client.cancel(operation.id);
    } catch (error) {
      setSaid(describe(error));
    }
  };
  const elapsed = Date.now() / 1000 - operation.created;
  return (
    <section
      className="jp-mldeploy-Response"
      aria-label={trans.__('Progress')}
      aria-busy={running}
    >
      <ol className="jp-mldeploy-Steps" aria-live="polite">
        {operation.steps.map((step, at) => {
          const isLast = at === operation.steps.length - 1;
          const active = running && isLast && step.seconds === null;
          const failed = isLast && !running && operation.state !== 'succeeded';
          return (
            <li
              key={`${step.step}-${at}`}
              data-state={active ? 'active' : failed ? 'failed' : 'done'}
            >
              <span aria-hidden="true">
                {active ? '▸' : failed ? '✗' : '✓'}
              </span>{' '}
              <strong>{step.step}</strong> {step.message}{' '}
              <span className="jp-mldeploy-Field-unit">
                {secondsText(step.seconds ?? Math.max(0, elapsed - step.began))}
              </span>
            </li>
          );
        })}
      </ol>
      {running && (
        <TextButton
          label={
            operation.cancelling ? trans.__('Cancelling …') : props.cancelLabel
          }
          disabled={operation.cancelling}
          whyNot={whyNot}
          run={() => void cancel()}
        />
      )}
      {said && <p role="alert">{said}</p>}
    </section>
  );
}

/** What became of long work that did not succeed: who gave it up knows, of a failure the server's words are shown. */
export function Unsuccessful(props: {
  ended: IOperation;
  cancelled: string;
  /** What is said of a failure without words. */
  failed: string;
}): JSX.Element {
  const { state, error } = props.ended;
  return state === 'cancelled' ? (
    <p role="status">{props.cancelled}</p>
  ) : (
    <p className="jp-mldeploy-Field-error" role="alert">
      {error?.message ?? props.failed} {error?.hint}
    </p>
  );
}
