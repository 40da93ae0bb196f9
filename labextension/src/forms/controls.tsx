import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useState } from 'react';

import type { IField } from './fields';
import { pairs } from './fields';
import type { Json } from './json';
import { isObject, set, writeJson, type JsonObject } from './json';
import { rangeText, read, shown } from './values';

/** What a control is made with. */
export interface IControlProps {
  field: IField;
  /** The value to begin with; undefined when nothing is given. */
  value: Json | undefined;
  onChange(value: Json | undefined): void;
  /** Called with what is wrong with the text in the control, or null. */
  onProblem(problem: string | null): void;
  /** What the server says is wrong. */
  problem?: string;
  /** Why nothing can be set here. */
  reason?: string;
  trans: TranslationBundle;
}

/** A control with its label, unit, range, description and error. */
export function FieldRow(props: IControlProps): JSX.Element {
  const { field, reason, trans } = props;
  const id = useId();
  const [wrong, setWrong] = useState<string | null>(null);
  const problem = wrong ?? props.problem;
  const onProblem = (found: string | null): void => {
    setWrong(found);
    props.onProblem(found);
  };
  const describedBy = [`${id}-about`, problem && `${id}-wrong`]
    .filter(Boolean)
    .join(' ');
  const control: IInnerProps = {
    ...props,
    onProblem,
    id,
    describedBy,
    problem
  };
  const about = [
    plainText(field.description),
    rangeText(field.range, trans) &&
      trans.__('Allowed: %1.', rangeText(field.range, trans))
  ].filter(Boolean);
  const isSwitch = field.kind === 'boolean';
  return (
    <div
      className="jp-mldeploy-Field"
      data-field={field.key}
      data-kind={field.kind}
      data-invalid={problem ? true : undefined}
    >
      {isSwitch && <Control {...control} />}
      <label className="jp-mldeploy-Field-label" htmlFor={id}>
        {field.label}
        {field.unit && (
          <span className="jp-mldeploy-Field-unit"> ({field.unit})</span>
        )}
        {field.required && (
          <span className="jp-mldeploy-Field-required">
            {' '}
            {trans.__('required')}
          </span>
        )}
      </label>
      {!isSwitch && <Control {...control} />}
      {problem && (
        <p className="jp-mldeploy-Field-error" id={`${id}-wrong`} role="alert">
          {problem}
        </p>
      )}
      <p className="jp-mldeploy-Field-about" id={`${id}-about`}>
        {reason
          ? trans.__('Not possible on this target: %1.', reason)
          : about.join(' ')}
      </p>
    </div>
  );
}

interface IInnerProps extends IControlProps {
  id: string;
  describedBy: string;
}

function Control(props: IInnerProps): JSX.Element {
  switch (props.field.kind) {
    case 'boolean':
      return <Switch {...props} />;
    case 'choice':
      return <Choice {...props} />;
    case 'map':
      return <Entries {...props} />;
    case 'list':
      return <List {...props} />;
    default:
      return <Text {...props} />;
  }
}

function common(props: IInnerProps): {
  id: string;
  disabled: boolean;
  'aria-describedby': string;
  'aria-invalid': boolean | undefined;
} {
  return {
    id: props.id,
    disabled: props.reason !== undefined,
    'aria-describedby': props.describedBy,
    'aria-invalid': props.problem ? true : undefined
  };
}

function Switch(props: IInnerProps): JSX.Element {
  const { field, value, onChange } = props;
  const checked = (value ?? field.default ?? false) === true;
  return (
    <input
      {...common(props)}
      type="checkbox"
      checked={checked}
      onChange={event => onChange(event.target.checked)}
    />
  );
}

function Choice(props: IInnerProps): JSX.Element {
  const { field, value, onChange, trans } = props;
  const now = value ?? field.default;
  const index = field.choices.findIndex(
    choice => now !== undefined && writeJson(choice) === writeJson(now)
  );
  return (
    <select
      {...common(props)}
      className="jp-mod-styled"
      value={index}
      onChange={event => onChange(field.choices[Number(event.target.value)])}
    >
      {(index < 0 || field.nullable) && (
        <option value={-1}>{trans.__('(not set)')}</option>
      )}
      {field.choices.map((choice, at) => (
        <option key={at} value={at}>
          {String(choice)}
        </option>
      ))}
    </select>
  );
}

function Text(props: IInnerProps): JSX.Element {
  const { field, onChange, onProblem, trans } = props;
  const [text, setText] = useState(() => shown(field, props.value));
  const [known, setKnown] = useState(props.value);
  useEffect(() => {
    // Somebody else than this control may have set the value.
    if (shown(field, props.value) !== shown(field, known)) {
      setKnown(props.value);
      setText(shown(field, props.value));
      onProblem(null);
    }
  }, [props.value]);
  const change = (next: string): void => {
    setText(next);
    const found = read(field, next, trans);
    if (found.error !== undefined) {
      onProblem(found.error);
    } else {
      onProblem(null);
      setKnown(found.value);
      onChange(found.value);
    }
  };
  const placeholder =
    field.default === undefined || field.default === null
      ? ''
      : shown(field, field.default);
  const many =
    field.kind === 'json' ||
    (typeof props.value === 'string' && props.value.includes('\n'));
  if (many) {
    return (
      <textarea
        {...common(props)}
        className="jp-mod-styled jp-mldeploy-mono"
        rows={4}
        spellCheck={false}
        value={text}
        onChange={event => change(event.target.value)}
      />
    );
  }
  return (
    <>
      <input
        {...common(props)}
        className="jp-mod-styled"
        type="text"
        inputMode={
          field.kind === 'integer' && !field.duration ? 'numeric' : undefined
        }
        list={field.choices.length > 0 ? `${props.id}-words` : undefined}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={event => change(event.target.value)}
      />
      {field.choices.length > 0 && (
        <datalist id={`${props.id}-words`}>
          {field.choices.map(choice => (
            <option key={String(choice)} value={String(choice)} />
          ))}
        </datalist>
      )}
    </>
  );
}

/** Entries, one a line. */
function List(props: IInnerProps): JSX.Element {
  const { field, onChange, onProblem, trans } = props;
  const entry: IField = {
    ...field,
    kind: entryKind(field),
    required: true,
    nullable: false,
    choices: [],
    range: {}
  };
  const [text, setText] = useState(() =>
    (Array.isArray(props.value) ? props.value : [])
      .map(item => shown(entry, item))
      .join('\n')
  );
  const change = (next: string): void => {
    setText(next);
    const items: Json[] = [];
    for (const line of next.split('\n').filter(item => item.trim() !== '')) {
      const found = read(entry, line.trim(), trans);
      if (found.error !== undefined) {
        onProblem(`${line.trim()}: ${found.error}`);
        return;
      }
      items.push(found.value ?? null);
    }
    onProblem(null);
    onChange(items.length > 0 ? items : undefined);
  };
  return (
    <textarea
      {...common(props)}
      className="jp-mod-styled jp-mldeploy-mono"
      rows={Math.min(8, Math.max(2, text.split('\n').length))}
      spellCheck={false}
      placeholder={trans.__('one a line')}
      value={text}
      onChange={event => change(event.target.value)}
    />
  );
}

function entryKind(field: IField): IField['kind'] {
  const type = field.entry?.type;
  return type === 'integer' || type === 'number' ? type : 'text';
}

/** Names and values. */
function Entries(props: IInnerProps): JSX.Element {
  const { field, onChange, onProblem, trans } = props;
  const [rows, setRows] = useState(() => pairs(props.value));
  const change = (next: [string, string][]): void => {
    setRows(next);
    const names = next.map(([name]) => name).filter(name => name !== '');
    const twice = names.find((name, at) => names.indexOf(name) < at);
    onProblem(
      twice === undefined
        ? null
        : trans.__('The name %1 is there twice.', twice)
    );
    const value: JsonObject = {};
    next.forEach(([name, text]) => name !== '' && set(value, name, text));
    onChange(isObject(value) && names.length > 0 ? value : undefined);
  };
  const put = (at: number, row: [string, string]): void =>
    change(rows.map((old, number) => (number === at ? row : old)));
  const shared = common(props);
  return (
    <div
      className="jp-mldeploy-Map"
      role="group"
      aria-label={field.label}
      aria-describedby={props.describedBy}
    >
      {rows.map(([name, text], at) => (
        <div className="jp-mldeploy-Map-row" key={at}>
          <input
            className="jp-mod-styled"
            aria-label={trans.__('%1: name %2', field.label, at + 1)}
            placeholder={trans.__('name')}
            spellCheck={false}
            disabled={shared.disabled}
            value={name}
            onChange={event => put(at, [event.target.value, text])}
          />
          <input
            className="jp-mod-styled"
            aria-label={trans.__('%1: value %2', field.label, at + 1)}
            placeholder={trans.__('value')}
            spellCheck={false}
            disabled={shared.disabled}
            value={text}
            onChange={event => put(at, [name, event.target.value])}
          />
          <button
            type="button"
            className="jp-mldeploy-Button jp-mod-small"
            aria-label={trans.__('%1: remove %2', field.label, name || at + 1)}
            onClick={() => change(rows.filter((_, number) => number !== at))}
          >
            ×
          </button>
        </div>
      ))}
      <button
        type="button"
        className="jp-mldeploy-Button jp-mod-small"
        id={props.id}
        disabled={shared.disabled}
        onClick={() => change([...rows, ['', '']])}
      >
        {trans.__('Add')}
      </button>
    </div>
  );
}

/** Return a description without the marks of reStructuredText. */
export function plainText(text: string): string {
  return text.replace(/``([^`]*)``/g, '$1').replace(/\s+/g, ' ');
}
