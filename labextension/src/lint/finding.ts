import { type Diagnostic, forEachDiagnostic } from '@codemirror/lint';
import type { ChangeSpec, EditorState, Text } from '@codemirror/state';

import type { IFinding, IFix } from '../api';
import { offsetOf } from './positions';

/** A finding in an editor. */
export interface IShownFinding extends Diagnostic {
  readonly finding: IFinding;
  /** The text that was checked; fixes are about this one. */
  readonly checked: Text;
}

/** Tells our diagnostics from those of other extensions. */
export const SOURCE = 'mldeploy';

/** Return a finding as the editor shows it. */
export function shown(finding: IFinding, checked: Text): IShownFinding {
  const from = offsetOf(checked, finding.line, finding.column);
  const to = offsetOf(checked, finding.end_line, finding.end_column);
  return {
    from,
    to: Math.max(from, to),
    severity: finding.severity,
    message: finding.message,
    source: SOURCE,
    markClass: `jp-mldeploy-mark jp-mldeploy-mark-${finding.severity}`,
    finding,
    checked
  };
}

/** Return the findings that an editor shows, in order, where they are now. */
export function findingsOf(state: EditorState): IShownFinding[] {
  const found = new Map<IShownFinding, IShownFinding>();
  forEachDiagnostic(state, (diagnostic, from, to) => {
    if (diagnostic.source === SOURCE && 'finding' in diagnostic) {
      const own = diagnostic as IShownFinding;
      // One that overlaps another is told in parts.
      const before = found.get(own);
      found.set(own, {
        ...own,
        from: Math.min(from, before?.from ?? from),
        to: Math.max(to, before?.to ?? to)
      });
    }
  });
  return [...found.values()].sort((a, b) => a.from - b.from || a.to - b.to);
}

/** Return the findings at a position, or else those of its line. */
export function findingsAt(state: EditorState, at: number): IShownFinding[] {
  const all = findingsOf(state);
  const touching = all.filter(each => each.from <= at && at <= each.to);
  if (touching.length > 0) {
    return touching;
  }
  const line = state.doc.lineAt(at);
  return all.filter(each => each.from <= line.to && each.to >= line.from);
}

/** Return the edits of a fix for the text that was checked. */
export function changesOf(fix: IFix, checked: Text): ChangeSpec[] {
  return fix.edits.map(edit => ({
    from: offsetOf(checked, edit.line, edit.column),
    to: offsetOf(checked, edit.end_line, edit.end_column),
    insert: edit.new_text
  }));
}

/** Return the first safe fix of each finding; a fix that overlaps one taken before waits for the next check. */
export function safeChanges(
  findings: readonly IShownFinding[],
  checked: Text
): ChangeSpec[] {
  const taken: { from: number; to: number; insert: string }[] = [];
  for (const { finding } of findings) {
    const fix = finding.fixes?.find(each => each.safe);
    if (fix === undefined) {
      continue;
    }
    const edits = changesOf(fix, checked) as typeof taken;
    const clash = edits.some(edit =>
      taken.some(
        other =>
          !same(edit, other) && edit.from <= other.to && other.from <= edit.to
      )
    );
    if (!clash) {
      taken.push(
        ...edits.filter(edit => !taken.some(other => same(edit, other)))
      );
    }
  }
  return taken;
}

function same(
  one: { from: number; to: number; insert: string },
  other: { from: number; to: number; insert: string }
): boolean {
  return (
    one.from === other.from &&
    one.to === other.to &&
    one.insert === other.insert
  );
}
