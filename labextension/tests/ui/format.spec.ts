import { nullTranslator } from '@jupyterlab/translation';

import type { IService } from '../../src/api';
import { count } from '../../src/rates';
import { age, bytes, duration, remaining } from '../../src/ui/format';
import { compact } from '../../src/ui/json';
import { traffic } from '../../src/ui/traffic';

const trans = nullTranslator.load('jupyter_mldeploy');

describe('figures for people', () => {
  it.each([
    [0.038, '38 ms'],
    [1.24, '1.2 s'],
    [59, '59 s'],
    [240, '4 min'],
    [10900, '3 h'],
    [86400 * 12, '12 d']
  ])('%f seconds are %s', (seconds, text) =>
    expect(duration(seconds, trans)).toBe(text)
  );

  it('says how old and how long still', () => {
    expect(age(100, 102, trans)).toBe('just now');
    expect(age(100, 107.5, trans)).toBe('7 s ago');
    expect(age(100, 90, trans)).toBe('just now');
    expect(remaining(160, 100, trans)).toBe('ends in 1 min');
    expect(remaining(90, 100, trans)).toBe('ends now');
    expect(remaining(null, 100, trans)).toBeNull();
  });

  it('counts bytes', () => {
    expect([512, 1536, 22 << 20].map(bytes)).toEqual([
      '512 B',
      '1.5 KiB',
      '22 MiB'
    ]);
  });

  it('says where requests go', () => {
    expect(traffic({ revision: 2, facts: {} } as IService)).toEqual([
      ['r2', 100]
    ]);
    expect(traffic({ revision: null, facts: {} } as IService)).toEqual([]);
    expect(
      traffic({
        revision: 2,
        facts: { traffic: { r1: 90, green: 10 } }
      } as unknown as IService)
    ).toEqual([
      ['r1', 90],
      ['green', 10]
    ]);
  });
});

describe('count', () => {
  it('adds up scoring requests, and those that failed', () => {
    const metrics = `# TYPE mldeploy_requests_total counter
mldeploy_requests_total{route="score",method="POST",status="200"} 40
mldeploy_requests_total{route="score",method="POST",status="500"} 2
mldeploy_requests_total{route="score",method="GET",status="400"} 1
mldeploy_requests_total{route="health",method="GET",status="200"} 900`;
    expect(count(metrics)).toEqual({ requests: 43, failed: 3 });
  });
});

describe('compact', () => {
  it('keeps arrays of numbers on one line and strings as they are', () => {
    expect(compact({ data: [[0, 1.5]], note: 'a,b' })).toBe(
      '{"data": [[0, 1.5]], "note": "a,b"}'
    );
    const long = {
      columns: ['a'.repeat(40), 'b'.repeat(40)],
      rows: [
        [1, 2],
        [3, 4]
      ]
    };
    expect(compact(long)).toBe(`{
  "columns": ["${'a'.repeat(40)}", "${'b'.repeat(40)}"],
  "rows": [[1, 2], [3, 4]]
}`);
    expect(JSON.parse(compact(long))).toEqual(long);
  });
});
