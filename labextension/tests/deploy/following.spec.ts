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
  let ask: (id: string) => Promise<IOperation>;
  let hear: (operations: IOperation[]) => void;
  let connection: Signal<object, boolean>;

  beforeEach(async () => {
    ask = id => Promise.resolve(failed(id));
    connection = new Signal<object, boolean>({});
    const deployments = {
      client: { operation: (id: string) => ask(id) },
      stream: {
        operations: ({ onMessage }: { onMessage: typeof hear }) => {
          hear = onMessage;
          return { dispose: () => undefined };
        },
        connectionChanged: connection
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

  it('comes to its end, also when a question of before is answered after it', async () => {
    const running = { id: 'op', state: 'running', version: 5 } as IOperation;
    const answers: ((operation: IOperation) => void)[] = [];
    ask = () =>
      new Promise(resolve => {
        answers.push(resolve);
      });
    work.follow(running);
    await shows('busy');
    connection.emit(true);
    await until(() => answers.length === 1, 'it is asked what became of it');
    hear([{ ...running, state: 'succeeded', version: 6 }]);
    await until(() => answers.length === 2, 'its end is asked for');
    const renders = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };
    renders.IS_REACT_ACT_ENVIRONMENT = true;
    await React.act(async () => answers[0](running)); // and whatever follows from it
    renders.IS_REACT_ACT_ENVIRONMENT = false;
    expect(work.operation?.version).toBe(6);
    answers[1]({ ...running, state: 'succeeded', version: 6 });
    await shows('op');
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
