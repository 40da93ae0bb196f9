import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IDraft, IProblems } from './draft';
import { Line } from './source';

/** What the script runs with, and how long a deployment may take. */
export function EnvironmentFields(props: {
  draft: IDraft;
  problems: IProblems;
  /** Names of the kernels whose Python may run the script. */
  kernels: string[];
  onChange(part: Partial<IDraft>): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { draft, problems, onChange: change, trans } = props;
  return (
    <details className="jp-mldeploy-Part">
      <summary>{trans.__('Environment and deadline')}</summary>
      <Line
        trans={trans}
        label={trans.__('Environment')}
        value={draft.environment}
        onChange={environment => change({ environment })}
        problem={problems.fields.environment}
        about={trans.__(
          'A registered environment, or a conda or requirements file; left empty, what the script imports.'
        )}
      />
      <Line
        trans={trans}
        label={trans.__('Further requirements')}
        many
        value={draft.pip}
        onChange={pip => change({ pip })}
        problem={problems.fields.pip}
        about={trans.__('One a line, as pip takes them.')}
      />
      <Line
        trans={trans}
        label={trans.__('Kernel')}
        value={draft.kernel}
        options={props.kernels}
        onChange={kernel => change({ kernel })}
        problem={problems.fields.kernel}
        about={trans.__(
          'Whose Python runs the script on this machine; left empty, the Jupyter server’s own.'
        )}
      />
      <Line
        trans={trans}
        label={trans.__('Deadline (s)')}
        value={draft.timeout}
        onChange={timeout => change({ timeout })}
        problem={problems.fields.timeout_s}
      />
      <label>
        <input
          type="checkbox"
          checked={draft.force}
          onChange={event => change({ force: event.target.checked })}
        />{' '}
        {trans.__(
          'Deploy in spite of findings that are severe but not certain'
        )}
      </label>
    </details>
  );
}
