import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { State } from '../api';
import { badIcon, busyIcon, goodIcon, idleIcon } from './icons';

export type Tone = 'good' | 'busy' | 'bad' | 'idle';

const TONES: Partial<Record<State, Tone>> = {
  Healthy: 'good',
  Transitioning: 'busy',
  Deleting: 'busy',
  Unhealthy: 'bad',
  Unschedulable: 'bad',
  Failed: 'bad'
};

const ICONS: Record<Tone, LabIcon> = {
  good: goodIcon,
  busy: busyIcon,
  bad: badIcon,
  idle: idleIcon
};

/** Return how a state looks. */
export function tone(state: State): Tone {
  return TONES[state] ?? 'idle';
}

/** Return a state's icon. */
export function stateIcon(state: State): LabIcon {
  return ICONS[tone(state)];
}

/** Return a state in the reader's language. */
export function stateLabel(state: State, trans: TranslationBundle): string {
  switch (state) {
    case 'Healthy':
      return trans.__('Healthy');
    case 'Transitioning':
      return trans.__('Starting');
    case 'Deleting':
      return trans.__('Deleting');
    case 'Unhealthy':
      return trans.__('Unhealthy');
    case 'Unschedulable':
      return trans.__('Unschedulable');
    case 'Failed':
      return trans.__('Failed');
    case 'Stopped':
      return trans.__('Stopped');
    case 'Deleted':
      return trans.__('Deleted');
  }
}

/** A state as shape, word and colour. */
export function StateBadge(props: {
  state: State;
  trans: TranslationBundle;
}): JSX.Element {
  const Icon = stateIcon(props.state);
  return (
    <span className="jp-mldeploy-State" data-tone={tone(props.state)}>
      <Icon.react tag="span" aria-hidden="true" />
      <span>{stateLabel(props.state, props.trans)}</span>
    </span>
  );
}
