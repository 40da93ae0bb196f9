import { nullTranslator } from '@jupyterlab/translation';

import type { IRecording } from '../../src/api';
import { JsonNumber, writeJson } from '../../src/forms/json';
import {
  cut,
  draftOf,
  hasFailed,
  howMuch,
  type IAnswerChanged,
  MOST_PLACES,
  noRecording,
  placeText,
  readRecording,
  readReplay,
  readTolerance,
  recordingText,
  summary
} from '../../src/test/replay';

const trans = nullTranslator.load('');
const recording = (more: Partial<IRecording> = {}): IRecording => ({
  name: 'svc',
  rate: 0,
  max_bytes: 8192,
  deny: [],
  total: 0,
  ...more
});
const place = (path: string) => ({
  path,
  before: 1,
  after: 2,
  absolute: 1,
  relative: 100
});
const changed = (more: Partial<IAnswerChanged> = {}): IAnswerChanged => ({
  body: { data: [1] },
  before: [1],
  after: [2],
  statusBefore: 200,
  statusAfter: 200,
  error: null,
  places: [place('$[0]')],
  ...more
});

describe('what is recorded', () => {
  it.each([
    [
      { total: 1 },
      'The service records none of its requests. Its log holds 1 recorded request.'
    ],
    [
      { rate: 1, total: 2 },
      'The service records all of its requests. Its log holds 2 recorded requests.'
    ],
    [
      { rate: 0.29, deny: ['name', 'mail'] },
      'The service records 29 percent of its requests. Left out: name, mail. Its log holds 0 recorded requests.'
    ]
  ])('%j is said', (now, text) => {
    expect(recordingText(recording(now), trans)).toBe(text);
  });

  it('stands in the fields; where nothing is recorded, all would be', () => {
    expect(draftOf(null)).toEqual({ share: '100', deny: '' });
    expect(draftOf(recording())).toEqual({ share: '100', deny: '' });
    expect(draftOf(recording({ rate: 0.29, deny: ['a', 'b'] }))).toEqual({
      share: '29',
      deny: 'a, b'
    });
  });

  it('is read from the fields, each name once', () => {
    const draft = { share: '12.5', deny: ' name, address ,,name' };
    expect(readRecording(draft, null, trans)).toEqual({
      rate: 0.125,
      deny: ['name', 'address']
    });
  });

  it('keeps the size that somebody else has chosen', () => {
    const now = recording({ rate: 0.5, max_bytes: 100 });
    expect(readRecording(draftOf(now), now, trans)).toEqual({
      rate: 0.5,
      deny: [],
      max_bytes: 100
    });
    expect(noRecording(now)).toEqual({ rate: 0, deny: [], max_bytes: 100 });
    expect(noRecording(null)).toEqual({ rate: 0, deny: [] });
  });

  it.each(['', ' ', '0', '-1', '100.1', 'all', 'NaN'])(
    'a share of “%s” is refused',
    share => {
      expect(readRecording({ share, deny: '' }, null, trans)).toMatch(
        /^Share: /
      );
    }
  );
});

describe('the tolerance', () => {
  it.each([
    ['0', 0],
    ['0.001', 0.001],
    ['1e-9', 1e-9]
  ])('%s is one', (text, value) => {
    expect(readTolerance(text, trans)).toBe(value);
  });

  it.each(['', '-1', 'Infinity', 'much'])('“%s” is none', text => {
    expect(readTolerance(text, trans)).toMatch(/^Tolerance: /);
  });
});

describe('what a replay found', () => {
  const operation = (result: string) =>
    `{"id": "x", "state": "succeeded", "result": ${result}}`;
  const found = readReplay(
    operation(`{
      "service": "svc", "revision": 3, "tolerance": 0.0, "requests": 5, "changed": 3,
      "largest": {"path": "$[0]", "before": 4.0, "after": 4.5, "absolute": 0.5, "relative": 12.5},
      "answers": [
        {"body": {"id": 9007199254740993, "data": [2.0]}, "before": [4.0], "after": [4.5], "status_before": 200,
         "status_after": 200, "ms_before": 1, "ms_after": 2, "error": null, "differences": [
           {"path": "$[0]", "before": 4.0, "after": 4.5, "absolute": 0.5, "relative": 12.5}]},
        {"body": 1, "before": 1, "after": {"message": "no"}, "status_before": 200, "status_after": 500,
         "error": null, "differences": []},
        {"body": 2, "before": 1, "after": null, "status_before": 200, "status_after": null,
         "error": "It does not answer.", "differences": []}
      ]}`)
  );

  it('is counted: sent, the same, changed, failed', () => {
    expect(summary(found, trans)).toBe(
      '5 requests sent · 2 answers the same · 1 changed · 2 failed'
    );
    expect(found.revision).toBe(3);
    expect(found.answers.map(hasFailed)).toEqual([false, true, true]);
  });

  it('has its numbers as the service and its callers wrote them', () => {
    expect(writeJson(found.answers[0].body)).toBe(
      '{"id":9007199254740993,"data":[2.0]}'
    );
    expect(found.largest && placeText(found.largest, trans)).toBe(
      '$[0]: 4.0 → 4.5 (+0.5, 12.5 percent)'
    );
  });

  it('may be nothing', () => {
    const none = readReplay(
      operation(
        '{"revision": null, "requests": 1, "changed": 0, "largest": null, "answers": []}'
      )
    );
    expect(summary(none, trans)).toBe(
      '1 request sent · 1 answer the same · 0 changed · 0 failed'
    );
    expect(none.largest).toBeNull();
  });

  it('is not an answer that was refused before too', () => {
    const refused = { statusBefore: 400, statusAfter: 422 };
    expect(hasFailed(changed(refused))).toBe(false);
    expect(howMuch(changed(refused), trans)[0]).toBe('status 400 → 422');
  });
});

describe('by how much', () => {
  it('is one text a place, the first ones only', () => {
    const places = Array.from({ length: MOST_PLACES + 2 }, (_, at) =>
      place(`$[${at}]`)
    );
    const texts = howMuch(changed({ places }), trans);
    expect(texts).toHaveLength(MOST_PLACES + 1);
    expect(texts[0]).toBe('$[0]: 1 → 2 (+1, 100 percent)');
    expect(texts.at(-1)).toBe('and 2 more places');
  });

  it('is nothing in percent from 0, and no number between other values', () => {
    const zero = { ...place('$'), before: 0, absolute: -0.1, relative: null };
    expect(placeText(zero, trans)).toBe('$: 0 → 2 (-0.1)');
    const words = { ...place('$.y'), before: 'a', after: null, absolute: null };
    expect(placeText(words, trans)).toBe('$.y: "a" → null');
    const one = { ...place('$'), before: new JsonNumber('1.0') };
    expect(placeText(one, trans)).toBe('$: 1.0 → 2 (+1, 100 percent)');
  });

  it('is why there is no answer', () => {
    const gone = changed({ error: 'Gone.', statusAfter: null, places: [] });
    expect(howMuch(gone, trans)).toEqual(['Gone.']);
  });

  it('is cut where a value is long, between characters', () => {
    const long = { ...place('$'), before: 'x'.repeat(99), absolute: null };
    expect(placeText(long, trans)).toBe(`$: "${'x'.repeat(22)}… → 2`);
    expect(cut('12345', 5)).toBe('12345');
    expect(cut('123456', 5)).toBe('1234…');
    expect(cut('👍👍👍', 2)).toBe('👍…');
  });
});
