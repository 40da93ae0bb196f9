import { MergeView } from '@codemirror/merge';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import {
  type IEditorLanguageRegistry,
  jupyterTheme
} from '@jupyterlab/codemirror';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

export interface ITexts {
  before: string;
  after: string;
  /** Mime type of both. */
  mime: string;
  beforeLabel: string;
  afterLabel: string;
}

/** Two texts side by side, unchanged parts folded; both can be read and copied, not changed. */
export class TextComparison extends Widget {
  constructor(
    private readonly texts: ITexts,
    private readonly languages: IEditorLanguageRegistry | null
  ) {
    super();
    this.addClass('jp-mldeploy-Merge');
  }

  override dispose(): void {
    this._view?.destroy();
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this._draw();
  }

  private async _draw(): Promise<void> {
    const { texts } = this;
    const spec = this.languages?.findByMIME(texts.mime);
    const language = spec
      ? await this.languages?.getLanguage(spec.name)
      : undefined;
    if (this.isDisposed || this._view) {
      return;
    }
    const side = (doc: string, label: string) => ({
      doc,
      extensions: [
        lineNumbers(),
        jupyterTheme,
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        EditorView.contentAttributes.of({
          'aria-label': label,
          'aria-readonly': 'true',
          role: 'textbox',
          'aria-multiline': 'true',
          tabindex: '0'
        }),
        ...(language?.support ? [language.support] : [])
      ] as Extension[]
    });
    this._view = new MergeView({
      a: side(texts.before, texts.beforeLabel),
      b: side(texts.after, texts.afterLabel),
      parent: this.node,
      collapseUnchanged: { margin: 3, minSize: 6 },
      gutter: true,
      diffConfig: { scanLimit: 2000, timeout: 500 }
    });
  }

  private _view: MergeView | null = null;
}
