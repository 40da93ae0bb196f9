import React from 'react';

/** A short field for a number, with its label; what is typed stays text until somebody needs the number. */
export function NumberInput(props: {
  label: string;
  value: string;
  min: number;
  max?: number;
  /** What a valid number is a multiple of; left out, whole numbers. */
  step?: 'any';
  disabled?: boolean;
  /** What is meant when it is empty. */
  placeholder?: string;
  onChange(value: string): void;
}): JSX.Element {
  const { label, onChange, ...input } = props;
  return (
    <label>
      {label}{' '}
      <input
        className="jp-mod-styled jp-mldeploy-short"
        type="number"
        {...input}
        onChange={event => onChange(event.target.value)}
      />
    </label>
  );
}
