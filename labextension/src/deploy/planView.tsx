import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IPlan, IPlanStep } from '../api';
import { Findings } from './findings';

/** What a deployment would do. */
export function PlanView(props: {
  plan: IPlan;
  trans: TranslationBundle;
}): JSX.Element {
  const { plan, trans } = props;
  const pins = pinsOf(plan);
  return (
    <section
      className="jp-mldeploy-Response"
      aria-label={trans.__('Plan')}
      data-plan={plan.bundle}
    >
      <p role="status">
        <strong>
          {trans.__(
            '%1 revision %2 on %3',
            plan.service,
            plan.revision,
            plan.target
          )}
        </strong>{' '}
        {trans.__('Nothing was created yet. This would happen:')}
      </p>
      <table className="jp-mldeploy-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Action')}</th>
            <th scope="col">{trans.__('What')}</th>
            <th scope="col">{trans.__('Detail')}</th>
          </tr>
        </thead>
        <tbody>
          {plan.steps.map((step, at) => (
            <tr key={at}>
              <td>{actionText(step.action, trans)}</td>
              <td>{step.what}</td>
              <td>{step.detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {plan.notes.map(note => (
        <p key={note}>{note}</p>
      ))}
      <Findings findings={plan.findings} trans={trans} />
      {pins.length > 0 && (
        <details>
          <summary>
            {trans._n('%1 requirement', '%1 requirements', pins.length)}
          </summary>
          <pre tabIndex={0}>{pins.join('\n')}</pre>
        </details>
      )}
      <p className="jp-mldeploy-Field-about">
        {trans.__('Bundle %1', plan.bundle)}
      </p>
    </section>
  );
}

function actionText(
  action: IPlanStep['action'],
  trans: TranslationBundle
): string {
  switch (action) {
    case 'create':
      return trans.__('+ create');
    case 'change':
      return trans.__('~ change');
    case 'keep':
      return trans.__('= keep');
    case 'replace':
      return trans.__('± replace');
    case 'delete':
      return trans.__('− delete');
  }
}

function pinsOf(plan: IPlan): string[] {
  const { conda, pip } = plan.environment;
  return [conda, pip]
    .flatMap(items => (Array.isArray(items) ? items : []))
    .filter((item): item is string => typeof item === 'string');
}
