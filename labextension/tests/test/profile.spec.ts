import { nullTranslator } from '@jupyterlab/translation';

import type { IOperation, ITarget, OperationKind } from '../../src/api';
import { lastOperation } from '../../src/deploy/last';
import {
  bodiesOf,
  chartUrl,
  choices,
  figure,
  isJson,
  readDraft,
  whyNone
} from '../../src/test/profile';
import type { Body, IExchange } from '../../src/test/session';

const trans = nullTranslator.load('');
const target = (name: string, more: Partial<ITarget> = {}): ITarget => ({
  name,
  available: true,
  allowed: true,
  profiles: { cpu: true, memory_gb: true },
  ...more
});
const json = (text: string): Body => ({
  kind: 'text',
  text,
  contentType: 'application/json'
});
const sent = (body: Body, status: number | null): IExchange =>
  ({ body, answer: status === null ? null : { status } }) as IExchange;

describe('where to profile', () => {
  it('is where services can be measured, what can be used first', () => {
    const found = choices(
      [
        target('docker', { available: false, reason: 'no engine' }),
        target('kubernetes', { profiles: null }),
        target('local')
      ],
      trans
    );
    expect(found.map(({ name, whyNot }) => [name, whyNot])).toEqual([
      ['local', null],
      ['docker', 'no engine']
    ]);
    expect(whyNone(found, trans)).toBeNull();
  });

  it('may be nowhere, which says why', () => {
    expect(whyNone([], trans)).toContain('No installed target');
    const found = choices([target('local', { allowed: false })], trans);
    expect(whyNone(found, trans)).toBe(
      'local: this Jupyter server does not deploy to it'
    );
  });
});

describe('what is sent', () => {
  it('is each JSON text once, of the history what was answered', () => {
    const history = [
      sent(json('1'), 200),
      sent(json('2'), 200),
      sent(json('3'), 400),
      sent(json('4'), null),
      sent({ kind: 'text', text: 'a,b', contentType: 'text/csv' }, 200)
    ];
    expect(bodiesOf(json('1'), history)).toEqual(['1', '2']);
    expect(bodiesOf(json('1'), [])).toEqual(['1']);
  });

  it('is no file and no other text', () => {
    expect(isJson(json('1'))).toBe(true);
    expect(isJson({ kind: 'text', text: '', contentType: 'text/csv' })).toBe(
      false
    );
  });
});

describe('the fields', () => {
  const [docker] = choices([target('docker')], trans);
  const [local] = choices(
    [target('local', { profiles: { cpu: false, memory_gb: true } })],
    trans
  );
  const draft = { cpu: '', memory: '', rate: '', deadline: '60' };

  it('are limits, empty ones none', () => {
    expect(readDraft(draft, docker, trans)).toEqual({
      target: 'docker',
      timeout_s: 60
    });
    expect(
      readDraft(
        { ...draft, cpu: '0.5', memory: '1', rate: '20' },
        docker,
        trans
      )
    ).toEqual({
      target: 'docker',
      cpu: 0.5,
      memory_gb: 1,
      requests_per_second: 20,
      timeout_s: 60
    });
  });

  it('do not count where a target cannot limit', () => {
    expect(readDraft({ ...draft, cpu: '2' }, local, trans)).not.toHaveProperty(
      'cpu'
    );
  });

  it.each([
    [{ cpu: '0' }, 'CPU'],
    [{ memory: '-1' }, 'Memory'],
    [{ rate: 'many' }, 'Requests per second'],
    [{ deadline: '' }, 'Deadline'],
    [{ deadline: '0' }, 'Deadline'],
    [{ deadline: '86401' }, 'Deadline']
  ])('%j is refused', (wrong, label) => {
    expect(readDraft({ ...draft, ...wrong }, docker, trans)).toMatch(
      new RegExp(`^${label}: `)
    );
  });
});

describe('what was found', () => {
  it('is found again, of this service and the last one', () => {
    const operation = (kind: OperationKind, service: string, created: number) =>
      ({ kind, service, created }) as IOperation;
    const all = [
      operation('profile', 'svc', 5),
      operation('profile', 'svc', 9),
      operation('profile', 'other', 10),
      operation('deploy', 'svc', 11)
    ];
    expect(lastOperation(all, 'profile', 'svc', 2)?.created).toBe(9);
    expect(lastOperation(all, 'profile', 'svc', 9.5)).toBeNull();
    expect(lastOperation([], 'profile', 'svc', 0)).toBeNull();
  });

  it('has its chart as an address, in which nothing can break out', () => {
    expect(chartUrl({ 'image/svg+xml': '<svg a="#1">"</svg>' })).toBe(
      'data:image/svg+xml;charset=utf-8,%3Csvg%20a%3D%22%231%22%3E%22%3C%2Fsvg%3E'
    );
    expect(chartUrl({ 'text/plain': 'x' })).toBeNull();
    expect(chartUrl(null)).toBeNull();
  });

  it('has short figures', () => {
    expect([0.12345, 1464.4, 2, null].map(figure)).toEqual([
      '0.123',
      '1460',
      '2',
      '–'
    ]);
  });
});
