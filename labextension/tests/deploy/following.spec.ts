import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

import type { IOperation } from '../../src/api';
import { type IFollowed, useOperation } from '../../src/deploy/following';
import type { IDeployments } from '../../src/tokens';

describe('work that is followed', () => {
  it('comes to its end, also when it had failed at once and the one before it too', async () => {
    const failed = (id: string) => ({ id, state: 'failed' }) as IOperation;
    const owner = {};
    const deployments = {
      client: { operation: (id: string) => Promise.resolve(failed(id)) },
      stream: {
        operations: () => ({ dispose: () => undefined }),
        connectionChanged: new Signal<object, boolean>(owner)
      }
    } as unknown as IDeployments;
    let work: IFollowed | null = null;
    const Show = () => {
      work = useOperation(deployments, () => undefined);
      return React.createElement('p', null, work.ended?.id ?? 'running');
    };
    const host = document.createElement('div');
    const root = createRoot(host);
    const shown: (string | null)[] = [];
    const settled = () => new Promise(resolve => setTimeout(resolve, 50));
    root.render(React.createElement(Show));
    for (const id of ['first', 'second']) {
      await settled();
      (work as IFollowed | null)?.follow(failed(id));
      await settled();
      shown.push(host.textContent);
    }
    expect(shown).toEqual(['first', 'second']);
    root.unmount();
  });
});
