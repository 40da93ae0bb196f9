import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ITarget } from '../api';

/** Where to; targets that cannot be used say why. */
export function TargetChoice(props: {
  targets: ITarget[] | null;
  value: string;
  problem?: string;
  onChange(name: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { targets, value, problem, trans } = props;
  const chosen = targets?.find(item => item.name === value);
  const why = (item: ITarget): string | null =>
    !item.allowed
      ? trans.__('not allowed by this Jupyter server')
      : item.available
        ? null
        : (item.reason ?? trans.__('not available'));
  return (
    <div className="jp-mldeploy-Field">
      <label className="jp-mldeploy-Field-label" htmlFor="jp-mldeploy-target">
        {trans.__('Target')}
      </label>
      <select
        id="jp-mldeploy-target"
        className="jp-mod-styled"
        value={value}
        aria-describedby="jp-mldeploy-target-about"
        onChange={event => props.onChange(event.target.value)}
      >
        {(targets ?? [{ name: value, allowed: true, available: true }]).map(
          item => (
            <option
              key={item.name}
              value={item.name}
              disabled={why(item) !== null}
            >
              {(item as ITarget).title ?? item.name}
              {why(item) !== null && ` – ${why(item)}`}
            </option>
          )
        )}
      </select>
      <p className="jp-mldeploy-Field-error" role="alert">
        {problem ?? (chosen && why(chosen))}
      </p>
      <p className="jp-mldeploy-Field-about" id="jp-mldeploy-target-about">
        {chosen?.summary}
        {chosen && why(chosen) !== null && chosen.hint && ` ${chosen.hint}`}
      </p>
    </div>
  );
}
