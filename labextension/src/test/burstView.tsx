import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef, useState } from 'react';

import { TextButton } from '../ui/buttons';
import { NumberInput } from '../ui/numbers';
import type { IBurst } from './burst';
import { MOST_AT_ONCE, MOST_REQUESTS, runBurst } from './burst';
import type { Body, TestSession } from './session';
import type { ITimings } from './timings';
import { secondsText, summarise } from './timings';

/** A small burst of the request in the editor: percentiles and a histogram. */
export function BurstView(props: {
  session: TestSession;
  /** Return what to send; null when it cannot be sent. */
  body(): Body | null;
  headers: Record<string, string>;
  /** Why nothing may be sent, or null. */
  whyNot: string | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { session, trans } = props;
  const [requests, setRequests] = useState('50');
  const [atOnce, setAtOnce] = useState('2');
  const [burst, setBurst] = useState<IBurst | null>(null);
  const [running, setRunning] = useState<AbortController | null>(null);
  const current = useRef<AbortController | null>(null);
  useEffect(() => () => current.current?.abort(), []);

  const start = async (): Promise<void> => {
    const body = props.body();
    if (body === null) {
      return;
    }
    const controller = new AbortController();
    current.current = controller;
    setRunning(controller);
    let shown = 0;
    const ended = await runBurst({
      requests: Number(requests) || 1,
      atOnce: Number(atOnce) || 1,
      send: () => session.invoke(body, props.headers),
      signal: controller.signal,
      onProgress: now => {
        if (performance.now() - shown > 100) {
          shown = performance.now();
          setBurst({ ...now });
        }
      }
    });
    if (current.current === controller) {
      setBurst({ ...ended });
      setRunning(null);
    }
  };

  const timings = burst && summarise(burst.seconds);
  return (
    <section className="jp-mldeploy-Section" aria-label={trans.__('Burst')}>
      <div className="jp-mldeploy-Row">
        <NumberInput
          label={trans.__('Requests')}
          min={1}
          max={MOST_REQUESTS}
          value={requests}
          onChange={setRequests}
        />
        <NumberInput
          label={trans.__('at once')}
          min={1}
          max={MOST_AT_ONCE}
          value={atOnce}
          onChange={setAtOnce}
        />
        {running ? (
          <button
            type="button"
            className="jp-mldeploy-Button"
            onClick={() => {
              running.abort();
              setRunning(null);
              current.current = null;
            }}
          >
            {trans.__('Stop')}
          </button>
        ) : (
          <TextButton
            label={trans.__('Run burst')}
            whyNot={props.whyNot}
            run={() => void start()}
          />
        )}
      </div>
      {burst && (
        <p role="status">
          {running
            ? trans.__('%1 requests so far …', burst.done)
            : trans._n('%1 request', '%1 requests', burst.done)}
          {timings &&
            ` · ${trans.__(
              'p50 %1 · p95 %2',
              secondsText(timings.p50),
              secondsText(timings.p95)
            )}`}
        </p>
      )}
      {timings && <Histogram timings={timings} trans={trans} />}
      {burst && burst.failures.size > 0 && (
        <ul className="jp-mldeploy-List">
          {[...burst.failures].map(([what, count]) => (
            <li key={what}>{trans.__('%1 × %2', count, what)}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

const WIDTH = 300;
const HEIGHT = 72;

/** Bars, with the two percentiles marked; the same as a table for those who do not see it. */
export function Histogram(props: {
  timings: ITimings;
  trans: TranslationBundle;
}): JSX.Element {
  const { timings, trans } = props;
  const { bins } = timings;
  const most = Math.max(...bins.map(bin => bin.count));
  const from = bins[0].from;
  const width = bins[0].to - bins[0].from;
  const span = width * bins.length;
  const x = (seconds: number): number =>
    Math.min(WIDTH, Math.max(0, ((seconds - from) / span) * WIDTH));
  const last = bins[bins.length - 1];
  return (
    <figure className="jp-mldeploy-Histogram">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + 14}`}
        role="img"
        aria-label={trans
          .__(
            'Histogram of %1 times from %2 to %3; half took at most %4, 95%% at most %5.',
            timings.count,
            secondsText(timings.minimum),
            secondsText(timings.maximum),
            secondsText(timings.p50),
            secondsText(timings.p95)
          )
          .replace('%%', '%')}
      >
        {bins.map((bin, at) => (
          <rect
            key={at}
            x={(at / bins.length) * WIDTH + 0.5}
            y={HEIGHT - (bin.count / most) * HEIGHT}
            width={Math.max(1, WIDTH / bins.length - 1)}
            height={(bin.count / most) * HEIGHT}
          >
            <title>
              {trans.__(
                '%1 to %2: %3',
                secondsText(bin.from),
                secondsText(bin.to),
                bin.count
              )}
            </title>
          </rect>
        ))}
        {(['p50', 'p95'] as const).map(name => (
          <g key={name}>
            <line
              x1={x(timings[name])}
              x2={x(timings[name])}
              y1={0}
              y2={HEIGHT}
            />
            <text
              x={Math.min(WIDTH - 20, x(timings[name]) + 2)}
              y={name === 'p50' ? 9 : 20}
            >
              {name}
            </text>
          </g>
        ))}
        <text x={0} y={HEIGHT + 11}>
          {secondsText(from)}
        </text>
        <text x={WIDTH} y={HEIGHT + 11} textAnchor="end">
          {last.to > from + span * 1.001
            ? `≥ ${secondsText(from + span)}`
            : secondsText(from + span)}
        </text>
      </svg>
    </figure>
  );
}
