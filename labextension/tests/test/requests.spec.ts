import { nullTranslator } from '@jupyterlab/translation';

import { parseJson } from '../../src/forms/json';
import { runBurst } from '../../src/test/burst';
import { MOST_CASES, edgeCases, passes } from '../../src/test/edgecases';
import { percentile, secondsText, summarise } from '../../src/test/timings';

const trans = nullTranslator.load('');

describe('edge cases', () => {
  const cases = edgeCases(
    parseJson('{"data":[[1.0,2.0],[3.0,4.0]],"mode":"fast","n":3}'),
    trans
  );
  const body = (id: string): string | undefined =>
    cases.find(item => item.id === id)?.body;

  it('come from the sample', () => {
    expect(cases[0]).toMatchObject({ id: 'sample', expects: 'answer' });
    expect(body('missing:data')).toBe('{"mode":"fast","n":3}');
    expect(body('null:mode')).toBe(
      '{"data":[[1.0,2.0],[3.0,4.0]],"mode":null,"n":3}'
    );
    expect(body('cell-nan:data')).toContain('[[NaN,2.0],[3.0,4.0]]');
    expect(body('ragged:data')).toContain('[3.0,4.0],[1.0]]');
    expect(body('nan:n')).toContain('"n":NaN');
    expect(body('empty')).toBe('{}');
  });

  it('are all different and not too many', () => {
    expect(new Set(cases.map(item => item.body)).size).toBe(cases.length);
    expect(new Set(cases.map(item => item.id)).size).toBe(cases.length);
    const wide = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`c${at}`, at])
    );
    expect(edgeCases(wide, trans).length).toBeLessThanOrEqual(MOST_CASES);
  });

  it('know frames', () => {
    const frame = edgeCases(parseJson('[{"age":1,"name":"a"}]'), trans);
    const ids = frame.map(item => item.id);
    expect(ids).toEqual(
      expect.arrayContaining([
        'column-missing',
        'cell-null',
        'cell-type',
        'cell-nan',
        'column-unknown'
      ])
    );
  });

  it.each<[Parameters<typeof passes>[0], number | null, boolean]>([
    ['answer', 200, true],
    ['answer', 400, false],
    ['refuse', 422, true],
    ['refuse', 200, false],
    ['refuse', 500, false],
    ['handle', 204, true],
    ['handle', 413, true],
    ['handle', 502, false],
    ['handle', null, false]
  ])('%s with %s', (expects, status, passed) => {
    expect(passes(expects, status)).toBe(passed);
  });
});

describe('times', () => {
  it('have percentiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, at) => at + 1);
    expect([
      percentile(values, 50),
      percentile(values, 95),
      percentile(values, 100)
    ]).toEqual([50, 95, 100]);
    expect(percentile([7], 1)).toBe(7);
    expect(percentile([], 50)).toBeNaN();
  });

  it('fall into bins, each once, stragglers into the last', () => {
    const seconds = [
      ...Array.from({ length: 99 }, (_, at) => 0.01 + at / 1e4),
      5
    ];
    const found = summarise(seconds);
    expect(found?.bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(100);
    expect(found?.bins.length).toBeLessThanOrEqual(22);
    expect(found?.bins[found.bins.length - 1].to).toBe(5);
    expect(summarise([])).toBeNull();
    expect(summarise([0.2, 0.2, 0.2])?.bins.length).toBeLessThan(5);
    expect(summarise([0])?.count).toBe(1);
  });

  it('are shown with three digits', () => {
    expect([0.00004, 0.0382, 0.5, 1.236, 75].map(secondsText)).toEqual([
      '40 µs',
      '38.2 ms',
      '500 ms',
      '1.24 s',
      '75.0 s'
    ]);
  });
});

describe('a burst', () => {
  it('is bounded and counts what failed', async () => {
    let [now, most, sent] = [0, 0, 0];
    const found = await runBurst({
      requests: 30,
      atOnce: 4,
      signal: new AbortController().signal,
      send: async () => {
        const number = ++sent;
        most = Math.max(most, ++now);
        await Promise.resolve();
        now -= 1;
        if (number % 10 === 0) {
          throw new Error('no answer');
        }
        return { status: number % 3 === 0 ? 500 : 200, seconds: 0.001 };
      }
    });
    expect([found.done, most]).toEqual([30, 4]);
    expect(Object.fromEntries(found.failures)).toEqual({
      '500': 9,
      'no answer': 3
    });
    expect(found.seconds.length).toBe(18);
  });

  it('can be given up', async () => {
    const controller = new AbortController();
    const found = await runBurst({
      requests: 100,
      atOnce: 1,
      signal: controller.signal,
      send: async () => ({ status: 200, seconds: 0.001 }),
      onProgress: burst => {
        if (burst.done === 5) {
          controller.abort();
        }
      }
    });
    expect(found.done).toBe(5);
  });
});
