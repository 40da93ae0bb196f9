import { ServerConnection } from '@jupyterlab/services';

import { StreamClient } from '../../src/api/stream';
import type { IEvent, ILogLine } from '../../src/api/types';

/** A WebSocket without a network: tests open, break and speak through it. */
class FakeSocket {
  static all: FakeSocket[] = [];

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  onopen?: () => void;
  onclose?: () => void;
  onmessage?: (event: { data: string }) => void;
  readonly sent: Record<string, unknown>[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.onclose?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const line = (text: string): ILogLine => ({
  time: 1,
  text,
  source: 'stdout',
  revision: 1,
  level: 'info'
});

function client(): StreamClient {
  return new StreamClient(
    ServerConnection.makeSettings({
      wsUrl: 'ws://host/base/',
      token: 'a b',
      appendToken: true,
      WebSocket: FakeSocket as unknown as typeof WebSocket
    })
  );
}

function last(): FakeSocket {
  return FakeSocket.all[FakeSocket.all.length - 1];
}

describe('StreamClient', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    FakeSocket.all = [];
  });
  afterEach(() => jest.useRealTimers());

  it('opens below the base URL, with the token, when somebody subscribes', () => {
    const stream = client();
    expect(FakeSocket.all).toHaveLength(0);
    stream.operations({ onMessage: () => undefined });
    expect(last().url).toBe(
      'ws://host/base/mldeploy/api/v1/stream?token=a%20b'
    );
  });

  it('uses one connection for all subscriptions and closes it after the last', () => {
    const stream = client();
    const first = stream.events({}, { onMessage: () => undefined });
    last().onopen?.();
    const second = stream.logs(
      { service: 's' },
      { onMessage: () => undefined }
    );
    expect(FakeSocket.all).toHaveLength(1);
    expect(last().sent.map(item => item.channel)).toEqual(['events', 'logs']);
    first.dispose();
    expect(last().sent[2]).toEqual({ type: 'unsubscribe', id: '1' });
    expect(stream.isConnected).toBe(true);
    second.dispose();
    expect(stream.isConnected).toBe(false);
  });

  it('goes on after the last message when the connection comes back', () => {
    const stream = client();
    const texts: string[] = [];
    stream.logs(
      { service: 's', limit: 5 },
      { onMessage: message => texts.push(...message.lines.map(l => l.text)) }
    );
    last().onopen?.();
    expect(last().sent[0]).toEqual({
      type: 'subscribe',
      id: '1',
      channel: 'logs',
      service: 's',
      limit: 5
    });
    last().say({ type: 'subscribed', id: '1' });
    last().say({
      type: 'logs',
      id: '1',
      uid: 'u',
      cursor: 'c7',
      lines: [line('one')]
    });
    last().close();
    expect(stream.isConnected).toBe(false);
    jest.advanceTimersByTime(400);
    expect(FakeSocket.all).toHaveLength(2);
    last().onopen?.();
    expect(last().sent[0]).toMatchObject({ uid: 'u', cursor: 'c7' });
    last().say({
      type: 'logs',
      id: '1',
      uid: 'u',
      cursor: 'c8',
      lines: [line('two')]
    });
    expect(texts).toEqual(['one', 'two']);
  });

  it('waits longer after each failed attempt, and never for ever', () => {
    const stream = client();
    stream.operations({ onMessage: () => undefined });
    for (let i = 0; i < 12; i++) {
      const before = FakeSocket.all.length;
      last().close();
      jest.advanceTimersByTime(20000);
      expect(FakeSocket.all).toHaveLength(before + 1);
    }
    last().close();
    const before = FakeSocket.all.length;
    jest.advanceTimersByTime(5000);
    expect(FakeSocket.all).toHaveLength(before);
  });

  it('asks for events after the last known number', () => {
    const stream = client();
    const seen: IEvent[] = [];
    stream.events({ after: 4 }, { onMessage: events => seen.push(...events) });
    last().onopen?.();
    expect(last().sent[0]).toMatchObject({ channel: 'events', after: 4 });
    last().say({ type: 'events', id: '1', events: [{ seq: 9 }], seq: 9 });
    last().close();
    jest.advanceTimersByTime(400);
    last().onopen?.();
    expect(last().sent[0]).toMatchObject({ after: 9 });
    expect(seen.map(item => item.seq)).toEqual([9]);
  });

  it('tells an operation again only when it has changed', () => {
    const stream = client();
    const seen: string[] = [];
    stream.operations({
      onMessage: found =>
        seen.push(...found.map(item => `${item.id}.${item.version}`))
    });
    last().onopen?.();
    const say = (...versions: number[]) =>
      last().say({
        type: 'operations',
        id: '1',
        operations: versions.map((version, i) => ({ id: 'ab'[i], version }))
      });
    say(1, 1);
    last().close();
    jest.advanceTimersByTime(400);
    last().onopen?.();
    say(2, 1);
    expect(seen).toEqual(['a.1', 'b.1', 'a.2']);
  });

  it('ends one subscription on an error or an end; the others go on', () => {
    const stream = client();
    const errors: string[] = [];
    let ended = 0;
    stream.logs(
      { service: 'none' },
      { onMessage: () => undefined, onError: error => errors.push(error.code) }
    );
    stream.logs(
      { service: 's' },
      { onMessage: () => undefined, onEnded: () => (ended += 1) }
    );
    const events = stream.events({}, { onMessage: () => undefined });
    last().onopen?.();
    last().say({
      type: 'error',
      id: '1',
      error: { code: 'not_found', message: 'No.' }
    });
    last().say({ type: 'ended', id: '2', uid: 'u', cursor: 'c' });
    expect(errors).toEqual(['not_found']);
    expect(ended).toBe(1);
    expect(stream.isConnected).toBe(true);
    events.dispose();
    expect(stream.isConnected).toBe(false);
  });
});
