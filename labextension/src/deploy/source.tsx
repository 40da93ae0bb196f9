import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';

import type { IFinding, IFix } from '../api';
import type { IDraft, IProblems } from './draft';
import { isNotebook } from './draft';
import { Findings } from './findings';

/** A line of the form that is no part of a target's schema. */
export function Line(props: {
  label: string;
  value: string;
  onChange(value: string): void;
  about?: string;
  problem?: string;
  placeholder?: string;
  many?: boolean;
  required?: boolean;
  options?: string[];
  action?: { label: string; run(): void };
  trans: TranslationBundle;
}): JSX.Element {
  const { label, value, about, problem, trans } = props;
  const id = useId();
  const shared = {
    id,
    className: 'jp-mod-styled',
    placeholder: props.placeholder,
    spellCheck: false,
    required: props.required,
    'aria-invalid': problem ? true : undefined,
    'aria-describedby': `${id}-about ${id}-wrong`,
    value
  };
  return (
    <div
      className="jp-mldeploy-Field"
      data-invalid={problem ? true : undefined}
    >
      <label className="jp-mldeploy-Field-label" htmlFor={id}>
        {label}
        {props.required && (
          <span className="jp-mldeploy-Field-required">
            {' '}
            {trans.__('required')}
          </span>
        )}
      </label>
      <div className="jp-mldeploy-Map-row">
        {props.many ? (
          <textarea
            {...shared}
            rows={Math.min(8, Math.max(2, value.split('\n').length))}
            onChange={event => props.onChange(event.target.value)}
          />
        ) : (
          <input
            {...shared}
            list={props.options ? `${id}-options` : undefined}
            autoComplete="off"
            onChange={event => props.onChange(event.target.value)}
          />
        )}
        {props.action && (
          <button
            type="button"
            className="jp-mldeploy-Button"
            onClick={props.action.run}
          >
            {props.action.label}
          </button>
        )}
      </div>
      {props.options && (
        <datalist id={`${id}-options`}>
          {props.options.map(option => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      <p className="jp-mldeploy-Field-error" id={`${id}-wrong`} role="alert">
        {problem}
      </p>
      <p className="jp-mldeploy-Field-about" id={`${id}-about`}>
        {about}
      </p>
    </div>
  );
}

/** Where the entry script comes from. */
export function SourceFields(props: {
  draft: IDraft;
  problems: IProblems;
  onChange(change: Partial<IDraft>): void;
  onBrowse?: () => void;
  onShow(finding: IFinding): void;
  onFix?: (finding: IFinding, fix: IFix) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { draft, problems, onChange, onBrowse, trans } = props;
  if (draft.text !== null) {
    return (
      <div className="jp-mldeploy-Field">
        <label className="jp-mldeploy-Field-label" htmlFor="jp-mldeploy-text">
          {trans.__('Entry script')}
        </label>
        <textarea
          id="jp-mldeploy-text"
          className="jp-mod-styled jp-mldeploy-mono"
          rows={12}
          spellCheck={false}
          value={draft.text}
          onChange={event => onChange({ text: event.target.value })}
        />
        <p className="jp-mldeploy-Field-error" role="alert">
          {problems.fields.source}
        </p>
        <Findings
          findings={problems.findings}
          onFix={props.onFix}
          trans={trans}
        />
      </div>
    );
  }
  const notebook = isNotebook(draft.path);
  return (
    <>
      <Line
        label={trans.__('Entry script or notebook')}
        value={draft.path}
        onChange={path => onChange({ path, cellId: '' })}
        problem={problems.fields.source}
        placeholder={trans.__('score.py')}
        about={
          notebook
            ? draft.cellId
              ? trans.__(
                  'The cell %1, as the notebook was saved. It is read and never run.',
                  draft.cellId
                )
              : trans.__(
                  'The notebook’s %%deploy cell of the service’s name, as it was saved. It is read and never run.'
                )
            : draft.path
              ? trans.__('A Python file with init() and run().')
              : trans.__(
                  'Left empty, the script is made from the model file below.'
                )
        }
        action={onBrowse && { label: trans.__('Browse…'), run: onBrowse }}
        trans={trans}
      />
      <Findings
        findings={problems.findings}
        onShow={props.onShow}
        onFix={props.onFix}
        trans={trans}
      />
      {!notebook && draft.path !== '' && (
        <Line
          label={trans.__('Source folder')}
          value={draft.folder}
          onChange={folder => onChange({ folder })}
          about={trans.__('Its files go with the script; may be left empty.')}
          trans={trans}
        />
      )}
    </>
  );
}
