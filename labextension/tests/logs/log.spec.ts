import { FilteredLog, matcher } from '../../src/logs/filter';
import { type ILine, LONGEST, LogStore } from '../../src/logs/store';
import { frameOf, isUsers, placeOf } from '../../src/logs/traceback';
import { TALLEST, scrollTopOf, viewport } from '../../src/logs/viewport';

function line(text: string, more: Partial<ILine> = {}): ILine {
  return {
    time: 1,
    text,
    source: 'worker-1',
    revision: 1,
    level: 'info',
    ...more
  };
}

function lines(from: number, count: number): ILine[] {
  return Array.from({ length: count }, (_, at) =>
    line(`line ${from + at}`, {
      level: (from + at) % 100 === 0 ? 'error' : 'info'
    })
  );
}

describe('the store of a log', () => {
  it('keeps rows as they came, a message of several lines as several rows', () => {
    const store = new LogStore();
    store.append([
      line('a\nb', { time: null, revision: null, level: 'WARN' }),
      line('\x1b[31mred\x1b[0m\x00')
    ]);
    expect([0, 1, 2].map(number => store.row(number))).toEqual([
      {
        time: null,
        text: 'a',
        source: 'worker-1',
        revision: null,
        level: 'warning',
        continued: false
      },
      {
        time: null,
        text: 'b',
        source: 'worker-1',
        revision: null,
        level: 'warning',
        continued: true
      },
      {
        time: 1,
        text: 'red',
        source: 'worker-1',
        revision: 1,
        level: 'info',
        continued: false
      }
    ]);
    expect(() => store.row(3)).toThrow(RangeError);
  });

  it('is bounded by rows, the oldest go first and numbers stay', () => {
    const store = new LogStore(5000);
    for (let at = 0; at < 20_000; at += 1000) {
      store.append(lines(at, 1000));
    }
    expect(store.size).toBeLessThanOrEqual(5000 + 1024);
    expect(store.size).toBeGreaterThanOrEqual(5000);
    expect(store.end).toBe(20_000);
    expect(store.row(store.first).text).toBe(`line ${store.first}`);
    expect(store.text(19_999)).toBe('line 19999');
    expect(() => store.row(store.first - 1)).toThrow(RangeError);
  });

  it('is bounded by characters, and cuts what is endless', () => {
    const store = new LogStore(1_000_000, 1_000_000);
    for (let at = 0; at < 40; at++) {
      store.append(Array.from({ length: 1000 }, () => line('x'.repeat(100))));
    }
    expect(store.characters).toBeLessThanOrEqual(1_000_000 + 1024 * 100);
    store.append([line('y'.repeat(LONGEST * 3))]);
    expect(store.text(store.end - 1).length).toBeLessThan(LONGEST + 10);
    store.clear();
    expect([store.size, store.characters]).toEqual([0, 0]);
    store.append([line('again')]);
    expect(store.text(store.first)).toBe('again');
  });
});

describe('the filter of a log', () => {
  it.each([
    ['', 'anything', true],
    ['timeout', 'A TIMEOUT here', true],
    ['Timeout', 'a timeout here', false],
    ['/time.*out/', 'time ran OUT', true],
    ['/[/', 'a /[/ b', true],
    ['a.b', 'axb', false]
  ])('%j lets %j through: %s', (text, row, through) => {
    expect(matcher(text)(row)).toBe(through);
  });

  it('finds in slices, goes on with what comes and forgets what goes', () => {
    const store = new LogStore(10_000);
    store.append(lines(0, 10_000));
    const rows = new FilteredLog(store);
    expect(rows.size).toBe(10_000);
    rows.set({ text: '', level: 'error' });
    let time = 0;
    let slices = 0;
    while (!rows.advance(8, () => (time += 5))) {
      slices += 1;
    }
    expect(slices).toBeGreaterThan(1);
    expect(rows.size).toBe(100);
    expect(rows.number(3)).toBe(300);
    expect(rows.place(250)).toBe(3);
    store.append(lines(10_000, 5000));
    rows.advance(1e9);
    expect(rows.number(0)).toBeGreaterThanOrEqual(store.first);
    expect(store.text(rows.number(rows.size - 1))).toBe('line 14900');
    rows.set({ text: 'line 1490', level: 'debug' });
    rows.advance(1e9);
    expect(rows.size).toBe(11 - (store.first > 1490 ? 1 : 0));
  });
});

describe('the view of a long list', () => {
  it('draws what is seen and a little more', () => {
    expect(viewport(1000, 18, 1800, 360, 10)).toEqual({
      height: 18_000,
      first: 90,
      last: 130,
      top: 1620
    });
    expect(viewport(0, 18, 0, 360)).toMatchObject({
      height: 0,
      first: 0,
      last: 0
    });
    expect(viewport(3, 18, 0, 360)).toMatchObject({
      height: 54,
      first: 0,
      last: 3,
      top: 0
    });
  });

  it('reaches the first and the last of a million rows', () => {
    const [rows, height, view] = [1_000_000, 18, 500];
    const begin = viewport(rows, height, 0, view);
    expect([begin.height, begin.first]).toEqual([TALLEST, 0]);
    const end = viewport(rows, height, TALLEST - view, view);
    expect(end.last).toBe(rows);
    // The last row ends where the element ends.
    expect(end.top + (rows - end.first) * height).toBeCloseTo(TALLEST, 3);
    for (const row of [0, 1, 4711, 500_000, 999_000]) {
      const top = scrollTopOf(row, rows, height, view);
      const found = viewport(rows, height, top, view, 0);
      expect(Math.abs(found.first - row)).toBeLessThanOrEqual(1);
    }
  });
});

describe('frames of tracebacks', () => {
  const script = {
    origin: {
      notebook: 'a.ipynb',
      cell_id: 'c2',
      path: null,
      file: 'work/a.ipynb'
    },
    entry_script: 'score.py',
    line_map: {
      map: [
        [1, 'c1', 2, 3],
        [2, 'c1', 3, 3],
        [5, 'c2', 4, 7]
      ]
    }
  };

  it.each([
    [
      '  File "cell In[3]", line 6, in run',
      { file: 'cell In[3]', line: 6, function: 'run' }
    ],
    [
      '  File "/x/app/score.py", line 12, in <module>',
      { file: '/x/app/score.py', line: 12, function: '<module>' }
    ],
    ['Failed (cell In[12]:4).', { file: 'cell In[12]', line: 4 }],
    ['the deployed cell line 3', { file: 'the deployed cell', line: 3 }]
  ])('are found in %j', (text, frame) => {
    expect(frameOf(text)).toMatchObject(frame);
  });

  it('are none where there is none', () => {
    expect(frameOf('GET /score 200')).toBeNull();
    const library = frameOf('File "/v/site-packages/app/x.py", line 1, in f');
    expect(library && isUsers(library)).toBe(false);
  });

  it('lead to the cell', () => {
    const name = 'cell In[3]';
    const frame = (file: string, number: number) => ({
      file,
      line: number,
      function: '',
      begin: 0,
      end: 0
    });
    expect(placeOf(frame('cell In[3]', 6), script)).toEqual({
      file: 'work/a.ipynb',
      cellId: 'c1',
      count: 3,
      line: 6,
      label: name
    });
    expect(placeOf(frame('cell abc-1', 2), script)).toMatchObject({
      cellId: 'abc-1',
      line: 2
    });
    expect(placeOf(frame('the deployed cell', 2), script)).toMatchObject({
      cellId: 'c2',
      line: 2
    });
    expect(placeOf(frame('/s/1/app/score.py', 5), script)).toMatchObject({
      cellId: 'c2',
      line: 4,
      count: 7
    });
    expect(placeOf(frame('/usr/lib/python3/json.py', 5), script)).toBeNull();
  });

  it('lead to the file and those beside it', () => {
    const file = {
      origin: {
        notebook: null,
        cell_id: null,
        path: '/h/book/score.py',
        file: 'book/score.py'
      },
      entry_script: 'score.py',
      line_map: null
    };
    const at = (name: string) =>
      placeOf(
        { file: `/s/app/${name}`, line: 3, function: '', begin: 0, end: 0 },
        file
      );
    expect(at('score.py')).toMatchObject({
      file: 'book/score.py',
      cellId: null,
      line: 3
    });
    expect(at('lib/prep.py')).toMatchObject({
      file: 'book/lib/prep.py',
      line: 3
    });
  });
});
