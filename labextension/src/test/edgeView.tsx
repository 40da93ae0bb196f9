import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef, useState } from 'react';

import { describe } from '../api';
import type { Json } from '../forms/json';
import { TextButton } from '../ui/buttons';
import type { Expectation, IEdgeCase } from './edgecases';
import { edgeCases, passes } from './edgecases';
import { StatusBadge } from './response';
import type { TestSession } from './session';

interface IOutcome {
  status: number | null;
  passed: boolean;
  why: string;
}

/** Requests that services stumble over, each with what is expected and what came. */
export function EdgeView(props: {
  session: TestSession;
  sample: Json;
  headers: Record<string, string>;
  /** Why nothing may be sent, or null. */
  whyNot: string | null;
  /** Show a case in the editor. */
  onOpen(body: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { session, sample, trans } = props;
  const cases = edgeCases(sample, trans);
  const [outcomes, setOutcomes] = useState<Record<string, IOutcome>>({});
  const [running, setRunning] = useState(false);
  const run = useRef(0);
  useEffect(
    () => () => {
      run.current += 1;
    },
    []
  );

  const start = async (): Promise<void> => {
    const mine = ++run.current;
    setOutcomes({});
    setRunning(true);
    for (const item of cases) {
      const outcome = await tried(session, item, props.headers);
      if (run.current !== mine) {
        return;
      }
      setOutcomes(now => ({ ...now, [item.id]: outcome }));
    }
    setRunning(false);
  };

  const done = Object.values(outcomes);
  const failed = done.filter(item => !item.passed).length;
  return (
    <section
      className="jp-mldeploy-Section"
      aria-label={trans.__('Edge cases')}
    >
      <div className="jp-mldeploy-Row">
        {running ? (
          <button
            type="button"
            className="jp-mldeploy-Button"
            onClick={() => {
              run.current += 1;
              setRunning(false);
            }}
          >
            {trans.__('Stop')}
          </button>
        ) : (
          <TextButton
            label={trans._n(
              'Run %1 edge case',
              'Run %1 edge cases',
              cases.length
            )}
            whyNot={props.whyNot}
            run={() => void start()}
          />
        )}
        <span role="status">
          {done.length > 0 &&
            trans.__('%1 passed, %2 failed', done.length - failed, failed)}
        </span>
      </div>
      {done.length > 0 && (
        <div className="jp-mldeploy-scroll">
          <table className="jp-mldeploy-Table jp-mldeploy-Edge">
            <thead>
              <tr>
                <th scope="col">{trans.__('Verdict')}</th>
                <th scope="col">{trans.__('Case')}</th>
                <th scope="col">{trans.__('Expected')}</th>
                <th scope="col">{trans.__('Answer')}</th>
              </tr>
            </thead>
            <tbody>
              {cases.map(item => {
                const outcome = outcomes[item.id];
                return (
                  <tr
                    key={item.id}
                    data-passed={outcome ? outcome.passed : undefined}
                  >
                    <td>
                      {outcome && (
                        <span
                          className="jp-mldeploy-Badge"
                          data-tone={outcome.passed ? 'good' : 'bad'}
                        >
                          {outcome.passed
                            ? trans.__('✓ pass')
                            : trans.__('✗ fail')}
                        </span>
                      )}
                    </td>
                    <td>
                      <button
                        type="button"
                        className="jp-mldeploy-Link"
                        title={trans.__('Show it in the editor')}
                        onClick={() => props.onOpen(item.body)}
                      >
                        {item.label}
                      </button>
                    </td>
                    <td>{expected(item.expects, trans)}</td>
                    <td title={outcome?.why}>
                      {outcome && (
                        <StatusBadge status={outcome.status} trans={trans} />
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

async function tried(
  session: TestSession,
  item: IEdgeCase,
  headers: Record<string, string>
): Promise<IOutcome> {
  try {
    const answer = await session.invoke(
      { kind: 'text', text: item.body, contentType: 'application/json' },
      headers
    );
    return {
      status: answer.status,
      passed: passes(item.expects, answer.status),
      why: (answer.body.text ?? '').slice(0, 300)
    };
  } catch (error) {
    return { status: null, passed: false, why: describe(error) };
  }
}

function expected(expects: Expectation, trans: TranslationBundle): string {
  switch (expects) {
    case 'answer':
      return trans.__('an answer');
    case 'refuse':
      return trans.__('refused (4xx)');
    case 'handle':
      return trans.__('answered or refused');
  }
}
