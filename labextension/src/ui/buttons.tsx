import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/**
 * Return what a button has that may not be pressed now for a reason that people should learn: it keeps the focus and
 * the pointer, so that its tooltip can be read, says that it is disabled, and does nothing.
 */
export function refusing(
  whyNot: string | null | undefined,
  title?: string
): { title?: string; 'aria-disabled'?: true } {
  return whyNot ? { title: whyNot, 'aria-disabled': true } : { title };
}

/** A button that shows an icon and is called by its label. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  run: () => void;
  disabled?: boolean;
  /** Why it may not be pressed. */
  whyNot?: string | null;
  tabIndex?: number;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-mldeploy-IconButton"
      {...refusing(props.whyNot, props.label)}
      aria-label={props.label}
      disabled={props.disabled}
      tabIndex={props.tabIndex}
      onClick={event => {
        event.stopPropagation();
        if (!props.whyNot) {
          props.run();
        }
      }}
    >
      <props.icon.react tag="span" aria-hidden="true" />
    </button>
  );
}

/** A button with a text, and perhaps an icon before it. */
export function TextButton(props: {
  label: string;
  run: () => void;
  icon?: LabIcon;
  title?: string;
  disabled?: boolean;
  /** Why it may not be pressed; before any other reason. */
  whyNot?: string | null;
  look?: 'plain' | 'accept' | 'warn';
  keyshortcuts?: string;
}): JSX.Element {
  const Icon = props.icon;
  return (
    <button
      type="button"
      className="jp-mldeploy-Button"
      data-look={props.look ?? 'plain'}
      {...refusing(props.whyNot, props.title)}
      aria-keyshortcuts={props.keyshortcuts}
      disabled={props.disabled && !props.whyNot}
      onClick={() => {
        if (!props.whyNot) {
          props.run();
        }
      }}
    >
      {Icon && <Icon.react tag="span" aria-hidden="true" />}
      {props.label}
    </button>
  );
}
