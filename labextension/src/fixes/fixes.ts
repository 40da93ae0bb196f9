import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';

import { describe } from '../api';
import type { Checks } from '../lint/checks';
import { changesOf, type IShownFinding } from '../lint/finding';
import type { Origins } from '../lint/origins';
import type { IFixes } from '../tokens';

/** Applies a fix to the text as it is now: a new check says what there is to edit. */
export class Fixes implements IFixes {
  constructor(
    private readonly checks: Checks,
    private readonly origins: Origins,
    private readonly trans: TranslationBundle
  ) {}

  async apply(
    editor: CodeEditor.IEditor,
    finding: { code: string; line: number },
    title: string
  ): Promise<string | null> {
    const { trans } = this;
    const { editor: view } = editor as CodeMirrorEditor;
    const origin = this.origins.of(editor.model);
    if (view === undefined || origin === undefined) {
      return trans.__('This text cannot be checked here.');
    }
    const doc = view.state.doc;
    let found: IShownFinding[];
    try {
      found = await this.checks.check({}, doc, origin);
    } catch (error) {
      return describe(error);
    }
    const nearest = closest(found, finding, title);
    const fix = nearest?.finding.fixes?.find(each => each.title === title);
    if (fix === undefined || !view.state.doc.eq(doc)) {
      return trans.__(
        'The text has changed since: “%1” has nothing to do any more.',
        title
      );
    }
    const changes = changesOf(fix, doc);
    view.dispatch({ changes, userEvent: 'input.fix', scrollIntoView: true });
    view.focus();
    return null;
  }
}

/** Return the finding of a rule that has a fix and lies nearest to where it was. */
export function closest<
  T extends {
    finding: { code: string; line: number; fixes?: { title: string }[] | null };
  }
>(
  found: readonly T[],
  wanted: { code: string; line: number },
  title: string
): T | undefined {
  return found
    .filter(
      each =>
        each.finding.code === wanted.code &&
        each.finding.fixes?.some(fix => fix.title === title)
    )
    .sort(
      (a, b) =>
        Math.abs(a.finding.line - wanted.line) -
        Math.abs(b.finding.line - wanted.line)
    )[0];
}
