import { ServerConnection } from '@jupyterlab/services';

import { ApiClient, ApiError, describe as text } from '../../src/api';

function client(
  status: number,
  body: string,
  calls: [string, RequestInit][] = []
): ApiClient {
  jest
    .spyOn(ServerConnection, 'makeRequest')
    .mockImplementation(async (url, init) => {
      calls.push([url, init]);
      if (status === 0) {
        throw new TypeError('Failed to fetch');
      }
      return { ok: status < 300, status, text: async () => body } as Response;
    });
  return new ApiClient(
    ServerConnection.makeSettings({ baseUrl: 'http://host/user/ada/' })
  );
}

/** Answer the requests in turn; status 0 is a connection that breaks. Returns the client and the methods asked for. */
function answering(answers: [number, string][]): {
  found: ApiClient;
  asked: string[];
} {
  const asked: string[] = [];
  const found = client(0, '');
  jest
    .spyOn(ServerConnection, 'makeRequest')
    .mockImplementation(async (_url, init) => {
      asked.push(init.method ?? '');
      const [status, body] = answers.shift() ?? [404, '{}'];
      if (status === 0) {
        throw new TypeError('Failed to fetch');
      }
      return { ok: status < 300, status, text: async () => body } as Response;
    });
  return { found, asked };
}

describe('ApiClient', () => {
  afterEach(() => jest.restoreAllMocks());

  it('asks below the base URL and leaves out what was not given', async () => {
    const calls: [string, RequestInit][] = [];
    await client(200, '{"lines": []}', calls).logs('a b', {
      limit: 5,
      cursor: undefined
    });
    expect(calls[0][0]).toBe(
      'http://host/user/ada/mldeploy/api/v1/services/a%20b/logs?limit=5'
    );
  });

  it('tells failures in the words of the server, with the way out', async () => {
    const body = {
      code: 'conflict',
      message: 'It runs.',
      hint: 'Stop it first.',
      cause: null,
      details: { a: 1 }
    };
    const error = await client(409, JSON.stringify(body))
      .stop('a')
      .catch((found: ApiError) => found);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 409,
      code: 'conflict',
      hint: 'Stop it first.'
    });
    expect(text(error)).toBe('It runs. Stop it first.');
  });

  it('makes a sentence of what a proxy on the way answers, and of no answer', async () => {
    const gone = await client(502, '<html>Bad gateway</html>')
      .services()
      .catch(text);
    expect(gone).toBe('The Jupyter server answered 502.');
    expect(await client(0, '').services().catch(text)).toBe(
      'The Jupyter server does not answer.'
    );
  });

  it('asks again when the browser loses a question', async () => {
    const list = answering([
      [0, ''],
      [0, ''],
      [200, '{"services": []}']
    ]);
    await expect(list.found.services()).resolves.toEqual({ services: [] });
    expect(list.asked).toEqual(['GET', 'GET', 'GET']);
    const lint = answering([
      [0, ''],
      [200, '{"findings": []}']
    ]);
    await expect(lint.found.lint({ text: '' } as never)).resolves.toEqual({
      findings: []
    });
    expect(lint.asked).toEqual(['POST', 'POST']);
  });

  it('asks again when an answer breaks off', async () => {
    const broken = jest
      .fn()
      .mockRejectedValueOnce(new TypeError('network error'))
      .mockResolvedValue('{"services": []}');
    const found = client(0, '');
    jest
      .spyOn(ServerConnection, 'makeRequest')
      .mockImplementation(
        async () => ({ ok: true, status: 200, text: broken }) as never
      );
    await expect(found.services()).resolves.toEqual({ services: [] });
  });

  it('sends nothing twice that changes something, or that was given up', async () => {
    const stop = answering([[0, '']]);
    await expect(stop.found.stop('a')).rejects.toMatchObject({ status: 0 });
    expect(stop.asked).toEqual(['POST']);
    const lint = answering([[0, '']]);
    await expect(
      lint.found.lint({ text: '' } as never, AbortSignal.abort())
    ).rejects.toMatchObject({ status: 0 });
    expect(lint.asked).toEqual(['POST']);
  });

  it('waits for operations, and throws what made them fail', async () => {
    const error = {
      code: 'deployment_failed',
      message: 'init() failed.',
      hint: null,
      cause: null,
      details: {}
    };
    const operation = { id: 'x', state: 'failed', error };
    await expect(
      client(200, JSON.stringify(operation)).finished(operation as never)
    ).rejects.toMatchObject({
      code: 'deployment_failed'
    });
    const done = { id: 'x', state: 'succeeded', error: null };
    await expect(
      client(200, JSON.stringify(done)).finished(done as never)
    ).resolves.toMatchObject({ id: 'x' });
  });

  it('goes on waiting while the server is started again, and tells what it then knows', async () => {
    const cut = {
      id: 'x',
      state: 'interrupted',
      error: { code: 'interrupted', message: 'Cut off.', details: {} }
    };
    const answers: [number, string][] = [
      [200, JSON.stringify({ id: 'x', state: 'running' })],
      [0, ''],
      [503, '<html>The server is starting</html>'],
      [200, JSON.stringify(cut)]
    ];
    jest.useFakeTimers();
    try {
      const { found } = answering(answers);
      const end = expect(
        found.finished({ id: 'x' } as never)
      ).rejects.toMatchObject({ code: 'interrupted', message: 'Cut off.' });
      await jest.advanceTimersByTimeAsync(10_000);
      await end;
      expect(answers).toEqual([]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('gives up on a server that stays away', async () => {
    jest.useFakeTimers();
    try {
      const end = expect(
        client(0, '').finished({ id: 'x' } as never)
      ).rejects.toMatchObject({ code: 'unreachable' });
      await jest.advanceTimersByTimeAsync(400_000);
      await end;
    } finally {
      jest.useRealTimers();
    }
  });
});
