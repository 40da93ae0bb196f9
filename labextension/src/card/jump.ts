import type { Cell } from '@jupyterlab/cells';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import type { Widget } from '@lumino/widgets';

import type { IPlace } from './model';

/** Return the notebook that a widget stands in. */
function notebookOf(widget: Widget): NotebookPanel | null {
  for (let item: Widget | null = widget; item !== null; item = item.parent) {
    if (item.hasClass('jp-NotebookPanel')) {
      return item as NotebookPanel;
    }
  }
  return null;
}

/** Return the cell of a place; a place that the notebook does not have any more is the cell of the output itself. */
function cellOf(notebook: Notebook, place: IPlace, output: Widget): number {
  const wanted = (cell: Cell) =>
    place.cellId !== null
      ? cell.model.id === place.cellId
      : cell.model.type === 'code' &&
        cell.model.sharedModel.toJSON().execution_count === place.count;
  const found = notebook.widgets.findIndex(wanted);
  return found >= 0
    ? found
    : notebook.widgets.findIndex(cell => cell.node.contains(output.node));
}

/** Go to a line of a cell and select it; return its editor, or null when the output stands in no notebook. */
export async function jump(
  output: Widget,
  place: IPlace
): Promise<CodeEditor.IEditor | null> {
  const panel = notebookOf(output);
  if (panel === null) {
    return null;
  }
  const notebook = panel.content;
  const index = cellOf(notebook, place, output);
  if (index < 0) {
    return null;
  }
  notebook.activeCellIndex = index;
  notebook.deselectAll();
  // It rejects when something else scrolls meanwhile, as the notebook does for its active cell.
  await notebook.scrollToItem(index, 'smart').catch(() => undefined);
  const cell = notebook.widgets[index];
  await cell.ready;
  const editor = cell.editor;
  if (editor === null) {
    return null;
  }
  const line = Math.min(Math.max(place.line - 1, 0), editor.lineCount - 1);
  const end = editor.getLine(line)?.length ?? 0;
  notebook.mode = 'edit';
  editor.focus();
  editor.setSelection({
    start: { line, column: 0 },
    end: { line, column: end }
  });
  editor.revealPosition({ line, column: 0 });
  return editor;
}
