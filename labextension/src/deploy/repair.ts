import { ChangeSet, Text } from '@codemirror/state';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IFinding, IFix } from '../api';
import { changesOf } from '../lint/finding';
import type { IPlace } from '../logs/traceback';
import type { IFixes, IPlaces } from '../tokens';
import type { IDraft } from './draft';

/** Return where a finding of a draft's script is; its text has no place. */
export function placeOf(draft: IDraft, finding: IFinding): IPlace {
  return {
    file: draft.path,
    cellId: draft.cellId || finding.cell_id || null,
    count: null,
    line: finding.line,
    label: draft.path
  };
}

/**
 * Apply a fix to the script of a draft: to its text, or in the notebook or file, which is saved then, because the server
 * reads it as it was saved.
 *
 * @returns what changes of the draft, or why it cannot be done.
 */
export async function repair(
  draft: IDraft,
  finding: IFinding,
  fix: IFix,
  with_: {
    places: IPlaces | null;
    fixes: IFixes | null;
    trans: TranslationBundle;
  }
): Promise<Partial<IDraft> | string> {
  const { places, fixes, trans } = with_;
  if (draft.text !== null) {
    return { text: fixed(draft.text, fix) };
  }
  if (places === null || fixes === null) {
    return trans.__('Scripts cannot be edited here.');
  }
  const open = await places.open(placeOf(draft, finding));
  if (typeof open === 'string') {
    return open;
  }
  const refused = await fixes.apply(open.editor, finding, fix.title);
  if (refused !== null) {
    return refused;
  }
  await open.save();
  return {};
}

/** Return a text with the edits of a fix, which are about exactly this text. */
export function fixed(text: string, fix: IFix): string {
  const doc = Text.of(text.split('\n'));
  return ChangeSet.of(changesOf(fix, doc), doc.length).apply(doc).toString();
}
