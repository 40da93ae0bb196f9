import { nullTranslator } from '@jupyterlab/translation';

import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

import { ReplayView } from '../../src/test/replayView';
import type { TestSession } from '../../src/test/session';
import type { IServiceTabContext } from '../../src/tokens';
import { until } from '../until';

describe('recorded requests', () => {
  it('are counted again when their line comes after the answer', async () => {
    const owner = {};
    const changed = new Signal<object, void>(owner);
    const session = {
      changed,
      history: [] as { number: number; pending: boolean }[]
    };
    let total = 0;
    let looks = 0;
    const context = {
      name: 'svc',
      uid: 'u',
      deployments: {
        trans: nullTranslator.load(''),
        client: {
          operations: () => Promise.resolve([]),
          recording: () => {
            looks += 1;
            return Promise.resolve({
              name: 'svc',
              rate: 1,
              max_bytes: 8192,
              deny: [],
              total
            });
          }
        },
        services: { changed, find: () => ({ created: 0, revision: 1 }) },
        permissions: { changed, whyNot: () => null },
        stream: {}
      }
    } as unknown as IServiceTabContext;
    const host = document.createElement('div');
    const root = createRoot(host);
    root.render(
      React.createElement(ReplayView, {
        context,
        session: session as unknown as TestSession,
        onOpen: () => undefined
      })
    );
    const holds = (count: number) =>
      until(
        () => !!host.textContent?.includes(`Its log holds ${count} recorded`),
        `${count} are shown`
      );
    await holds(0);
    const before = looks;
    session.history = [{ number: 1, pending: false }];
    changed.emit();
    await until(() => looks > before, 'it has looked after the answer');
    total = 1;
    await holds(1);
    root.unmount();
  });
});
