import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ISample } from '../rates';

const WIDTH = 132;
const HEIGHT = 24;

/** Requests a second over the last minutes, failed ones marked; a text says the same. */
export function Sparkline(props: {
  samples: readonly ISample[];
  trans: TranslationBundle;
}): JSX.Element {
  const { samples, trans } = props;
  const highest = Math.max(1, ...samples.map(item => item.requests));
  const total = samples.reduce((sum, item) => sum + item.requests, 0);
  const failed = samples.reduce((sum, item) => sum + item.failed, 0);
  const step = WIDTH / 60;
  const bar = (value: number) =>
    value === 0 ? 0 : Math.max(2, (value / highest) * (HEIGHT - 2));
  const text =
    failed > 0
      ? trans.__('%1 requests, %2 failed', total, failed)
      : trans._n('%1 request', '%1 requests', total);
  return (
    <span
      className="jp-mldeploy-Sparkline"
      title={trans.__(
        'Requests since this page shows them, at most the last 5 minutes'
      )}
    >
      <svg width={WIDTH} height={HEIGHT} aria-hidden="true">
        <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        {samples.map((item, index) => {
          const x = WIDTH - (samples.length - index) * step;
          const height = bar(item.requests);
          const bad =
            item.failed === 0
              ? 0
              : Math.max(2, height * (item.failed / item.requests));
          return (
            <React.Fragment key={item.time}>
              <rect
                x={x}
                y={HEIGHT - height}
                width={step - 0.6}
                height={height}
              />
              <rect
                x={x}
                y={HEIGHT - bad}
                width={step - 0.6}
                height={bad}
                data-tone="bad"
              />
            </React.Fragment>
          );
        })}
      </svg>
      <span>{text}</span>
    </span>
  );
}
