import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

import type { Resource } from '../api';
import type { IDeployments } from '../tokens';

/**
 * Render again whenever a signal is emitted.
 *
 * It listens as soon as what was rendered stands in the document. An ordinary effect comes in a later task: what is
 * emitted between the two would be missed, and if it is emitted once only, as what a user may do is, missed for good.
 */
export function useSignal<S, A>(signal: ISignal<S, A>): void {
  const [, update] = React.useReducer((count: number) => count + 1, 0);
  React.useLayoutEffect(() => {
    const slot = () => update();
    signal.connect(slot);
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}

/** Return the present moment in epoch seconds, again after every `seconds`. */
export function useNow(seconds: number): number {
  const [now, setNow] = React.useState(() => Date.now() / 1000);
  React.useEffect(() => {
    const timer = window.setInterval(
      () => setNow(Date.now() / 1000),
      seconds * 1000
    );
    return () => window.clearInterval(timer);
  }, [seconds]);
  return now;
}

/** Return why the user may not do something on the Jupyter server, or null; again whenever that changes. */
export function useWhyNot(
  deployments: Pick<IDeployments, 'permissions'>,
  action: 'read' | 'write' | 'execute',
  on: Resource
): string | null {
  const { permissions } = deployments;
  useSignal(permissions.changed);
  return permissions.whyNot(action, on);
}
