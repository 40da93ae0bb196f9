import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';

import type { IOperation, IService } from '../../src/api';
import { Actions } from '../../src/commands/actions';
import type { IDeployments } from '../../src/tokens';
import { until } from '../until';

describe('work with a notification', () => {
  it('is cancelled also when that was asked before the server had answered', async () => {
    let answer: (operation: IOperation) => void = () => undefined;
    let end: (reason: Error) => void = () => undefined;
    const cancelled: string[] = [];
    const actions = new Actions({
      trans: nullTranslator.load(''),
      client: {
        rollback: () =>
          new Promise<IOperation>(resolve => {
            answer = resolve;
          }),
        finished: () =>
          new Promise((_, reject) => {
            end = reject;
          }),
        cancel: (id: string) => {
          cancelled.push(id);
          return Promise.resolve();
        }
      },
      services: { refresh: () => Promise.resolve() }
    } as unknown as IDeployments);
    const toast = document.createElement('div');
    toast.className = 'Toastify__toast';
    toast.append('Rolling svc back…');
    document.body.appendChild(toast);

    const work = actions.rollback({ name: 'svc' } as IService);
    const told = () => Notification.manager.notifications[0];
    await until(() => told() !== undefined, 'it is told');
    const [cancel] = told().options.actions ?? [];
    expect(cancel.label).toBe('Cancel');
    cancel.callback(new MouseEvent('click'));
    expect(cancelled).toEqual([]);
    answer({ id: 'op' } as IOperation);
    await until(() => cancelled.length > 0, 'it is cancelled');
    expect(cancelled).toEqual(['op']);
    end(new Error('The rollback was cancelled.'));
    await work;
    expect(told().message).toBe('The rollback was cancelled.');
    toast.remove();
    Notification.dismiss();
  });

  it('tells its end also when the beginning is not on the screen yet', async () => {
    let end: () => void = () => undefined;
    const actions = new Actions({
      trans: nullTranslator.load(''),
      client: {
        start: () => Promise.resolve({ id: 'op' } as IOperation),
        finished: () =>
          new Promise<void>(resolve => {
            end = resolve;
          })
      },
      services: { refresh: () => Promise.resolve() }
    } as unknown as IDeployments);
    const work = actions.start({ name: 'svc' } as IService);
    const told = () =>
      Notification.manager.notifications.map(({ id, message }) => ({
        id,
        message
      }));
    await until(() => told().length > 0, 'it is told');
    const [begun] = told();
    expect(begun.message).toBe('Starting svc…');
    end();
    await work;
    // A new one: a toast that is changed before it is on the screen would keep its text.
    expect(told()).toHaveLength(1);
    expect(told()[0].message).toBe('svc is started.');
    expect(told()[0].id).not.toBe(begun.id);
  });
});
