import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { ApiClient, ITarget } from '../api';
import { FieldRow } from '../forms/controls';
import type { IField } from '../forms/fields';
import { type Json, type JsonObject, fromPlain } from '../forms/json';
import { missing, plainConfig, whyNot } from './draft';
import { SizingView } from './sizing';

/** The target's configuration: a field for every key of its schema, and what it cannot do with the reason. */
export function Settings(props: {
  client: ApiClient;
  target: ITarget;
  fields: IField[];
  config: JsonObject;
  problems: Record<string, string>;
  onChange(key: string, value: Json | undefined): void;
  onProblem(key: string, problem: string | null): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { target, fields, config, problems, trans } = props;
  const [wanted, setWanted] = useState('');
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (field: IField): boolean => {
    const text = `${field.key} ${field.label} ${field.description}`;
    return words.every(word => text.toLowerCase().includes(word));
  };
  const cannot = missing(target.capabilities);
  const set = Object.keys(config).length;
  return (
    <details className="jp-mldeploy-Part" open={set > 0 || undefined}>
      <summary>
        {trans.__('Settings of %1', target.title ?? target.name)}{' '}
        <span className="jp-mldeploy-Field-unit">
          {set > 0
            ? trans._n('(%1 set)', '(%1 set)', set)
            : trans.__('(defaults)')}
        </span>
      </summary>
      <input
        className="jp-mod-styled"
        type="search"
        aria-label={trans.__('Find a setting')}
        placeholder={trans.__('Find a setting')}
        value={wanted}
        onChange={event => setWanted(event.target.value)}
      />
      {fields.some(field => field.key === 'num_replicas') && (
        <SizingView
          client={props.client}
          target={target.name}
          config={() => plainConfig(config, fields)}
          onUse={replicas =>
            props.onChange('num_replicas', fromPlain(replicas))
          }
          trans={trans}
        />
      )}
      <div className="jp-mldeploy-Settings">
        {fields.map(field => (
          <div key={field.key} hidden={!fits(field)}>
            <FieldRow
              field={field}
              value={config[field.key]}
              onChange={value => props.onChange(field.key, value)}
              onProblem={problem => props.onProblem(field.key, problem)}
              problem={problems[field.key]}
              reason={whyNot(field, target.capabilities)}
              trans={trans}
            />
          </div>
        ))}
        {cannot.map(([name, reason]) => (
          <div
            className="jp-mldeploy-Field"
            data-kind="boolean"
            key={name}
            hidden={
              !words.every(word =>
                `${name} ${reason}`.toLowerCase().includes(word)
              )
            }
          >
            <input
              type="checkbox"
              disabled
              id={`jp-mldeploy-cannot-${target.name}-${name}`}
              aria-describedby={`jp-mldeploy-why-${target.name}-${name}`}
            />
            <label
              className="jp-mldeploy-Field-label"
              htmlFor={`jp-mldeploy-cannot-${target.name}-${name}`}
            >
              {name}
            </label>
            <p
              className="jp-mldeploy-Field-about"
              id={`jp-mldeploy-why-${target.name}-${name}`}
            >
              {trans.__('Not possible on this target: %1.', reason)}
            </p>
          </div>
        ))}
      </div>
    </details>
  );
}
