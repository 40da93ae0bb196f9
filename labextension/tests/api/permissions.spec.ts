import { Signal } from '@lumino/signaling';

import {
  ApiError,
  type ApiClient,
  type IPermissions,
  Permissions,
  type StreamClient
} from '../../src/api';

const told = (reason: string | null): IPermissions => ({
  read_only: false,
  permissions: [
    {
      resource: 'jupyter_mldeploy:services',
      action: 'read',
      allowed: true,
      reason: null
    },
    {
      resource: 'jupyter_mldeploy:services',
      action: 'write',
      allowed: reason === null,
      reason
    }
  ]
});

function server(answers: (IPermissions | ApiError)[]) {
  const connectionChanged = new Signal<unknown, boolean>({});
  const client = {
    permissions: async () => {
      const answer = answers.shift();
      if (answer === undefined || answer instanceof ApiError) {
        throw answer ?? new Error('asked too often');
      }
      return answer;
    }
  };
  const permissions = new Permissions(
    client as unknown as ApiClient,
    { connectionChanged } as unknown as StreamClient
  );
  let changes = 0;
  permissions.changed.connect(() => (changes += 1));
  return { permissions, connectionChanged, changes: () => changes };
}

describe('Permissions', () => {
  it('lets everything be tried until the server has spoken', async () => {
    const { permissions, changes } = server([told('Only looking.')]);
    expect(permissions.whyNot('write', 'services')).toBeNull();
    await permissions.refresh();
    expect(permissions.whyNot('write', 'services')).toBe('Only looking.');
    expect(permissions.whyNot('read', 'services')).toBeNull();
    expect(changes()).toBe(1);
  });

  it('is asked again when the server is found again, and told once', async () => {
    const { permissions, connectionChanged, changes } = server([
      told('Only looking.'),
      told('Only looking.'),
      told(null)
    ]);
    await permissions.refresh();
    await permissions.refresh();
    expect(changes()).toBe(1);
    connectionChanged.emit(false);
    connectionChanged.emit(true);
    await new Promise(resolve => setTimeout(resolve));
    expect(permissions.whyNot('write', 'services')).toBeNull();
    expect(changes()).toBe(2);
  });

  it('keeps what it knows when the server does not answer', async () => {
    const { permissions } = server([
      told('Only looking.'),
      new ApiError(0, {
        code: 'unreachable',
        message: 'gone',
        hint: null,
        cause: null,
        details: {}
      })
    ]);
    await permissions.refresh();
    await permissions.refresh();
    expect(permissions.whyNot('write', 'services')).toBe('Only looking.');
  });

  it('takes an answer although a later question got none', async () => {
    let answer: (told: IPermissions) => void = () => undefined;
    const asked = [
      new Promise<IPermissions>(resolve => (answer = resolve)),
      Promise.reject(new ApiError(0, {} as never))
    ];
    const permissions = new Permissions(
      { permissions: () => asked.shift() } as unknown as ApiClient,
      { connectionChanged: new Signal({}) } as unknown as StreamClient
    );
    const first = permissions.refresh();
    await permissions.refresh();
    answer(told('Only looking.'));
    await first;
    expect(permissions.whyNot('write', 'services')).toBe('Only looking.');
  });
});
