import { Signal } from '@lumino/signaling';

import {
  ApiError,
  type ApiClient,
  type IService,
  ServiceStore,
  type StreamClient
} from '../../src/api';
import { until } from '../until';

const service = (name: string, uid = `uid-${name}`): IService =>
  ({
    name,
    uid,
    state: 'Healthy',
    facts: {},
    tags: {},
    operations: []
  }) as unknown as IService;

/** A server without a network: answers are given by the test. */
class Server {
  lists: IService[][] = [[]];
  known: object[] = [];
  unheard = 0;
  asked = 0;
  failure: ApiError | null = null;
  handlers: Record<string, (message: never) => void> = {};
  disposed: string[] = [];
  /** Numbers after which events were asked for. */
  from: (number | undefined)[] = [];
  readonly stream = {
    connectionChanged: new Signal<unknown, boolean>({}),
    events: (
      { after }: { after?: number },
      { onMessage }: { onMessage: () => void }
    ) => {
      this.from.push(after);
      return this.follow('events', onMessage);
    },
    operations: ({ onMessage }: { onMessage: () => void }) =>
      this.follow('operations', onMessage)
  };

  async services() {
    this.asked += 1;
    if (this.failure !== null) {
      throw this.failure;
    }
    return {
      services: this.lists[Math.min(this.asked, this.lists.length) - 1],
      seq: 1
    };
  }

  async operations() {
    if (this.unheard > 0) {
      this.unheard -= 1;
      throw new Error('the connection broke');
    }
    return this.known;
  }

  store(): ServiceStore {
    return new ServiceStore(
      this as unknown as ApiClient,
      this.stream as unknown as StreamClient
    );
  }

  private follow(channel: string, handler: (message: never) => void) {
    this.handlers[channel] = handler;
    return {
      isDisposed: false,
      dispose: () => void this.disposed.push(channel)
    };
  }
}

const settled = () => new Promise(resolve => setTimeout(resolve, 120));

describe('ServiceStore', () => {
  it('reads the list when somebody watches, again after an event, and ends with the last watcher', async () => {
    const server = new Server();
    server.lists = [[service('a')], [service('a'), service('b')]];
    const store = server.store();
    expect(server.asked).toBe(0);
    const first = store.watch();
    const second = store.watch({ look: false });
    await settled();
    expect(store.services.map(item => item.name)).toEqual(['a']);
    server.handlers.events([] as never);
    server.handlers.events([] as never);
    await settled();
    expect(server.asked).toBe(2);
    expect(store.find('b')).toBeDefined();
    first.dispose();
    first.dispose();
    expect(server.disposed).toEqual([]);
    second.dispose();
    expect(server.disposed).toEqual(['events', 'operations']);
  });

  it('follows the events from the list on, also when there was none at first', async () => {
    const server = new Server();
    const store = server.store();
    server.failure = new ApiError(0, {
      code: 'unreachable',
      message: 'No answer.',
      hint: null,
      cause: null,
      details: {}
    });
    store.watch();
    await settled();
    expect(server.from).toEqual([undefined]);
    server.failure = null;
    server.handlers.events([] as never);
    await settled();
    expect(server.from).toEqual([undefined, 1]);
    await store.refresh();
    expect(server.from).toEqual([undefined, 1]);
    store.dispose();
  });

  it('shows an answer while another is asked for, and never one that is older than what is shown', async () => {
    const server = new Server();
    const answers: ((names: string) => void)[] = [];
    server.services = () =>
      new Promise(resolve => {
        answers.push(name =>
          resolve({ services: [service(name)], seq: answers.length })
        );
      });
    const store = server.store();
    const asked = [store.refresh(), store.refresh(), store.refresh()];
    answers[0]('first');
    await asked[0];
    expect(store.services.map(item => item.name)).toEqual(['first']);
    answers[2]('third');
    await asked[2];
    answers[1]('second');
    await asked[1];
    expect(store.services.map(item => item.name)).toEqual(['third']);
    store.dispose();
  });

  it('reads the list also while events come without a pause', async () => {
    const server = new Server();
    const store = server.store();
    store.watch();
    await settled();
    const before = server.asked;
    const events = setInterval(() => server.handlers.events([] as never), 5);
    try {
      await until(() => server.asked > before, 'the list is read');
    } finally {
      clearInterval(events);
      store.dispose();
    }
  });

  it('finds a service by its identity, never a later one of the same name', async () => {
    const server = new Server();
    server.lists = [[service('a', 'new')]];
    const store = server.store();
    await store.refresh();
    expect(store.find('a', 'new')).toBeDefined();
    expect(store.find('a', 'old')).toBeUndefined();
    expect(store.find('a')?.uid).toBe('new');
  });

  it('keeps what it knows when the server does not answer, and says so', async () => {
    const server = new Server();
    server.lists = [[service('a')]];
    const store = server.store();
    await store.refresh();
    server.failure = new ApiError(0, {
      code: 'unreachable',
      message: 'No answer.',
      hint: null,
      cause: null,
      details: {}
    });
    await store.refresh();
    expect(store.services).toHaveLength(1);
    expect(store.error?.code).toBe('unreachable');
    server.failure = null;
    await store.refresh();
    expect(store.error).toBeNull();
  });

  it('knows which operation runs for a service', async () => {
    const server = new Server();
    const store = server.store();
    store.watch();
    const operation = {
      id: '1',
      version: 1,
      kind: 'deploy',
      service: 'a',
      state: 'running'
    };
    server.handlers.operations([operation] as never);
    expect(store.running('a')?.id).toBe('1');
    expect(store.running('b')).toBeUndefined();
    server.handlers.operations([
      { ...operation, version: 2, state: 'failed' }
    ] as never);
    expect(store.running('a')).toBeUndefined();
    store.dispose();
  });

  it('lets go of work that ended with its server', async () => {
    const server = new Server();
    const store = server.store();
    store.watch();
    const work = (id: string, service: string) => ({
      id,
      version: 7,
      kind: 'deploy',
      service,
      state: 'running'
    });
    const [cut, lost, going] = [
      work('1', 'cut'),
      work('2', 'lost'),
      work('3', 'going')
    ];
    server.handlers.operations([cut, lost, going] as never);
    // A server that was started again tells what it found written down, which is older than what was seen.
    server.known = [{ ...cut, version: 2, state: 'interrupted' }, going];
    server.stream.connectionChanged.emit(true);
    await settled();
    expect(store.running('cut')).toBeUndefined();
    expect(store.running('lost')).toBeUndefined();
    expect(store.running('going')?.version).toBe(7);
    store.dispose();
  });

  it('asks again what became of work until it is told', async () => {
    const server = new Server();
    const store = server.store();
    store.watch();
    await settled();
    const lost = { id: '1', version: 7, kind: 'deploy', service: 'lost' };
    server.handlers.operations([{ ...lost, state: 'running' }] as never);
    server.unheard = 1;
    server.stream.connectionChanged.emit(true);
    await settled();
    expect(store.running('lost')).toBeDefined();
    await store.refresh();
    await settled();
    expect(store.running('lost')).toBeUndefined();
    store.dispose();
  });
});
