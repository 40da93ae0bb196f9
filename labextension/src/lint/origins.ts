import type { ISharedNotebook } from '@jupyter/ydoc';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { IEditorTracker } from '@jupyterlab/fileeditor';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';

import type { Origin } from './checks';

const FILE =
  /\.py$|(?:inference|deployment)[_-]?config[^/]*\.json$|conda[^/]*\.ya?ml$|(?:environment|env|endpoint|deployment)[^/]*\.ya?ml$|requirements[^/]*\.txt$/i;

/** Where the texts of editors come from. */
export class Origins {
  constructor(
    private readonly contents: Contents.IManager,
    private readonly notebooks: INotebookTracker | null,
    private readonly files: IEditorTracker | null
  ) {}

  /** Return where an editor's text comes from; undefined when it is nothing that is checked. */
  of(model: CodeEditor.IModel): Origin | undefined {
    const notebook = notebookOf(model);
    if (notebook === undefined) {
      const path = this.fileOf(model);
      return path === undefined || !FILE.test(path)
        ? undefined
        : { kind: 'file', path };
    }
    const others = notebook.cells
      .filter(cell => cell.cell_type === 'code')
      .map(cell => cell.getSource())
      .filter(source => !/^\s*%%/.test(source));
    const panel = this.notebooks?.find(
      each => each.content.model?.sharedModel === notebook
    );
    const path = panel && this.onServer(panel.context.path);
    return { kind: 'cell', path, others, notebook };
  }

  private fileOf(model: CodeEditor.IModel): string | undefined {
    const widget = this.files?.find(
      each => each.content.model.sharedModel === model.sharedModel
    );
    return widget && this.onServer(widget.context.path);
  }

  /** Return a path below the file browser's root; undefined for one of another drive. */
  private onServer(path: string): string | undefined {
    const drive = this.contents.driveName(path);
    return drive === '' || drive === 'RTC'
      ? this.contents.localPath(path)
      : undefined;
  }
}

/** Return the notebook that an editor's cell belongs to. */
export function notebookOf(
  model: CodeEditor.IModel
): ISharedNotebook | undefined {
  const shared = model.sharedModel as { notebook?: ISharedNotebook | null };
  return shared.notebook ?? undefined;
}
