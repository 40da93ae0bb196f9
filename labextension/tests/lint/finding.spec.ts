/* eslint-disable jupyter/no-untranslated-string -- titles of fixes come from the server */
import { setDiagnostics } from '@codemirror/lint';
import { EditorState, Text } from '@codemirror/state';

import type { IEdit, IFinding } from '../../src/api';
import {
  changesOf,
  findingsAt,
  findingsOf,
  safeChanges,
  shown
} from '../../src/lint/finding';
import { offsetOf } from '../../src/lint/positions';

const TEXT = 'a😀b = 1\ncd = 2\n';
const doc = Text.of(TEXT.split('\n'));

function finding(
  place: [number, number, number, number],
  ...fixes: { title: string; safe: boolean; edits: IEdit[] }[]
): IFinding {
  const [line, column, end_line, end_column] = place;
  return {
    code: 'MLD301',
    severity: 'error',
    message: 'No.',
    line,
    column,
    end_line,
    end_column,
    fixes
  };
}

function edit(line: number, column: number, end: number, text: string): IEdit {
  return { line, column, end_line: line, end_column: end, new_text: text };
}

describe('positions', () => {
  it('count code points and are cut to the text', () => {
    expect(offsetOf(doc, 1, 2)).toBe(3);
    expect(offsetOf(doc, 2, 0)).toBe(9);
    expect(offsetOf(doc, 1, 99)).toBe(8);
    expect(offsetOf(doc, 99, 0)).toBe(doc.length);
    expect(offsetOf(doc, 0, 0)).toBe(0);
  });
});

describe('findings', () => {
  const findings = [
    shown(finding([1, 0, 1, 3]), doc),
    shown(finding([1, 2, 1, 3]), doc),
    shown(finding([2, 0, 2, 2]), doc)
  ];
  let state = EditorState.create({ doc });
  state = state.update(setDiagnostics(state, findings)).state;

  it('are told once each, though they overlap', () => {
    expect(findingsOf(state).map(each => [each.from, each.to])).toEqual([
      [0, 4],
      [3, 4],
      [9, 11]
    ]);
  });

  it('follow the text', () => {
    const later = state.update({ changes: { from: 0, insert: '##' } }).state;
    expect(findingsOf(later)[2].from).toBe(11);
  });

  it('at a position, or else of its line', () => {
    expect(findingsAt(state, 1)).toHaveLength(1);
    expect(findingsAt(state, 3)).toHaveLength(2);
    expect(findingsAt(state, 14)).toHaveLength(1);
  });
});

describe('fixes', () => {
  const rename = { title: 'r', safe: true, edits: [edit(1, 1, 2, 'x')] };

  it('are edits of the text that was checked', () => {
    const state = EditorState.create({ doc });
    const fixed = state.update({ changes: changesOf(rename, doc) }).state;
    expect(fixed.doc.line(1).text).toBe('axb = 1');
  });

  it('all safe ones at once, without those that overlap or are not safe', () => {
    const insert = {
      title: 'i',
      safe: true,
      edits: [edit(3, 0, 0, 'import x\n')]
    };
    const unsafe = { title: 'u', safe: false, edits: [edit(2, 0, 2, 'z')] };
    const clash = { title: 'c', safe: true, edits: [edit(1, 0, 3, 'q')] };
    const changes = safeChanges(
      [
        shown(finding([1, 0, 1, 1], rename), doc),
        shown(finding([1, 0, 1, 1], insert), doc),
        shown(finding([2, 0, 2, 2], unsafe), doc),
        shown(finding([1, 0, 1, 3], clash), doc),
        shown(finding([2, 3, 2, 4], insert), doc)
      ],
      doc
    );
    const fixed = EditorState.create({ doc }).update({ changes }).state;
    expect(fixed.doc.toString()).toBe('axb = 1\ncd = 2\nimport x\n');
  });
});
