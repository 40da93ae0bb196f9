import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Cell } from '@jupyterlab/cells';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import type { FileEditor } from '@jupyterlab/fileeditor';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ApiClient, IRevisionInFull } from '../api';
import { describe } from '../api';
import type { IFrame, IPlace } from '../logs/traceback';
import { placeOf } from '../logs/traceback';
import type { IOpenPlace, IPlaces } from '../tokens';

/** Revisions whose origin is remembered. */
const KEPT = 50;

/** Finds the cell or file that a frame came from, and shows its line. */
export class Places implements IPlaces {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly client: ApiClient,
    private readonly trans: TranslationBundle,
    private readonly notebooks: INotebookTracker | null,
    private readonly documents: IDocumentManager | null
  ) {}

  async jump(
    service: string,
    revision: number,
    frame: IFrame
  ): Promise<string | null> {
    let script: IRevisionInFull;
    try {
      script = await this._revision(service, revision);
    } catch (error) {
      return describe(error);
    }
    const place = placeOf(frame, script);
    if (place === null) {
      return this.trans.__(
        'Revision %1 does not say where this line came from.',
        revision
      );
    }
    return this.show(place);
  }

  async show(place: IPlace): Promise<string | null> {
    const found = await this.open(place);
    return typeof found === 'string' ? found : null;
  }

  async open(place: IPlace): Promise<IOpenPlace | string> {
    const { trans } = this;
    const open = this._openNotebook(place);
    if (open !== null) {
      this.app.shell.activateById(open.id);
      return this._showCell(open, place);
    }
    if (place.file === null) {
      return trans.__(
        'Where %1 is saved is not known; open its notebook and try again.',
        place.label || trans.__('the script')
      );
    }
    const widget = this.documents?.openOrReveal(place.file);
    if (!widget) {
      return trans.__('%1 cannot be opened here.', place.file);
    }
    try {
      await widget.context.ready;
    } catch (error) {
      return describe(error);
    }
    await widget.revealed;
    if (isNotebook(widget)) {
      return this._showCell(widget, place);
    }
    const { editor } = (widget as IDocumentWidget<FileEditor>).content;
    if (!editor) {
      return trans.__('%1 is shown, and has no text to edit.', place.file);
    }
    mark(editor, place.line);
    return { editor, save: () => widget.context.save() };
  }

  /** Return the open notebook that has the cell. */
  private _openNotebook(place: IPlace): NotebookPanel | null {
    let found: NotebookPanel | null = null;
    this.notebooks?.forEach(panel => {
      const isFile = place.file !== null && panel.context.path === place.file;
      if (isFile || (place.file === null && cellOf(panel, place) >= 0)) {
        found ??= panel;
      }
    });
    return place.cellId === null && place.count === null && place.file === null
      ? null
      : found;
  }

  private async _showCell(
    panel: NotebookPanel,
    place: IPlace
  ): Promise<IOpenPlace | string> {
    await panel.revealed;
    const notebook = panel.content;
    const index = cellOf(panel, place);
    if (index < 0) {
      return this.trans.__(
        '%1 has no cell that was deployed; it may have been deleted since.',
        panel.context.path
      );
    }
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    // It rejects when something else scrolls meanwhile, as the notebook does for its active cell.
    await notebook.scrollToItem(index, 'center').catch(() => undefined);
    const cell: Cell = notebook.widgets[index];
    await cell.ready;
    notebook.mode = 'edit';
    const { editor } = cell;
    if (editor === null) {
      return this.trans.__('%1 cannot be opened here.', panel.context.path);
    }
    mark(editor, place.line);
    return { editor, save: () => panel.context.save() };
  }

  private async _revision(
    service: string,
    number: number
  ): Promise<IRevisionInFull> {
    const key = `${service}/${number}`;
    const known = this._known.get(key);
    if (known !== undefined) {
      return known;
    }
    const found = await this.client.revision(service, number);
    this._known.set(key, found);
    for (const old of [...this._known.keys()].slice(0, -KEPT)) {
      this._known.delete(old);
    }
    return found;
  }

  private readonly _known = new Map<string, IRevisionInFull>();
}

/** Return the index of the cell that a place names, or -1; after a reload its id is what still fits. */
function cellOf(panel: NotebookPanel, place: IPlace): number {
  const { widgets } = panel.content;
  const byId = widgets.findIndex(cell => cell.model.id === place.cellId);
  if (byId >= 0 || place.count === null || place.cellId !== null) {
    return byId;
  }
  return widgets.findIndex(
    cell =>
      cell.model.type === 'code' &&
      cell.model.sharedModel.toJSON().execution_count === place.count
  );
}

function isNotebook(widget: IDocumentWidget): widget is NotebookPanel {
  return 'sessionContext' in widget && 'model' in widget.content;
}

/** Select a line and bring it into view. */
function mark(editor: CodeEditor.IEditor, line: number): void {
  const at = Math.min(Math.max(0, line - 1), editor.lineCount - 1);
  editor.focus();
  editor.setSelection({
    start: { line: at, column: 0 },
    end: { line: at, column: editor.getLine(at)?.length ?? 0 }
  });
  editor.revealPosition({ line: at, column: 0 });
}
