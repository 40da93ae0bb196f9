import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { createRoot, type Root } from 'react-dom/client';

import type { IOperation } from '../../src/api';
import { type IFollowed, useOperation } from '../../src/deploy/following';
import type { IDeployments } from '../../src/tokens';
import { until } from '../until';

describe('work that is followed', () => {
  const failed = (id: string) => ({ id, state: 'failed' }) as IOperation;
  let work: IFollowed;
  let host: HTMLElement;
  let root: Root;

  beforeEach(async () => {
    const owner = {};
    const deployments = {
      client: { operation: (id: string) => Promise.resolve(failed(id)) },
      stream: {
        operations: () => ({ dispose: () => undefined }),
        connectionChanged: new Signal<object, boolean>(owner)
      }
    } as unknown as IDeployments;
    const Show = () => {
      work = useOperation(deployments, () => undefined);
      const text = work.ended?.id ?? (work.isBusy ? 'busy' : 'nothing');
      return React.createElement('p', null, text);
    };
    host = document.createElement('div');
    root = createRoot(host);
    root.render(React.createElement(Show));
    await shows('nothing');
  });

  afterEach(() => root.unmount());

  const shows = (text: string) =>
    until(() => host.textContent === text, `${text} is shown`);

  it('comes to its end, also when it had failed at once and the one before it too', async () => {
    for (const id of ['first', 'second']) {
      work.follow(failed(id));
      await shows(id);
    }
  });

  it('is begun once by two presses, and then shows nothing of what ended before', async () => {
    work.follow(failed('before'));
    await shows('before');
    const begun: ((operation: IOperation) => void)[] = [];
    const start = () =>
      new Promise<IOperation>(resolve => {
        begun.push(resolve);
      });
    // Both before anything is rendered again.
    const presses = [work.begin(start), work.begin(start)];
    await shows('busy');
    presses.push(work.begin(start));
    expect(begun).toHaveLength(1);
    begun[0](failed('begun'));
    expect(await Promise.all(presses)).toEqual([true, false, false]);
    await shows('begun');
  });

  it('can be begun again when the server has refused it', async () => {
    for (let turn = 0; turn < 2; turn++) {
      let refuse: (reason: Error) => void = () => undefined;
      const begun = work.begin(
        () =>
          new Promise((_, reject) => {
            refuse = reject;
          })
      );
      await shows('busy');
      refuse(new Error('refused'));
      await expect(begun).rejects.toThrow('refused');
      await shows('nothing');
    }
    expect(await work.begin(() => Promise.resolve(failed('third')))).toBe(true);
    await shows('third');
  });
});
