import type { ICellModel } from '@jupyterlab/cells';

/** What can be deployed of a cell: a `%%deploy` cell by running it, an entry script by the form. */
export type CellKind = 'magic' | 'script' | 'other';

/** Return what a cell is. */
export function cellKind(
  model: Pick<ICellModel, 'type' | 'sharedModel'> | undefined
): CellKind {
  if (model?.type !== 'code') {
    return 'other';
  }
  const source = model.sharedModel.getSource();
  if (/^\s*%%deploy\b/.test(source)) {
    return 'magic';
  }
  return /^(async\s+)?def\s+run\s*\(/m.test(source) ? 'script' : 'other';
}
