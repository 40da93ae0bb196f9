import { setDiagnostics } from '@codemirror/lint';
import { Compartment, type Extension } from '@codemirror/state';
import { type EditorView, ViewPlugin } from '@codemirror/view';

const CELL = /^\s*%%(?:deploy|writefile|file)\b/;

/** Whether a text is a cell that becomes a file; looks at its beginning only. */
export function becomesFile(view: EditorView): boolean {
  return CELL.test(view.state.doc.sliceString(0, 200));
}

/**
 * Switch an extension on while an editor's text asks for it. Other editors have this look at their first line and
 * nothing else.
 *
 * @param wanted - whether the extension is on for an editor's text.
 * @param load - returns the extension; called once it is wanted.
 */
export function gate(
  wanted: (view: EditorView) => boolean,
  load: () => Promise<Extension>
): Extension {
  const compartment = new Compartment();
  const plugin = ViewPlugin.fromClass(
    class {
      constructor(private readonly view: EditorView) {
        this.look();
      }

      update(update: { docChanged: boolean }): void {
        if (update.docChanged) {
          this.look();
        }
      }

      destroy(): void {
        this.gone = true;
      }

      private look(): void {
        const now = wanted(this.view);
        if (now !== this.on) {
          this.on = now;
          void this.switch(now);
        }
      }

      private async switch(on: boolean): Promise<void> {
        // Also: an editor cannot be reconfigured in the middle of an update.
        const extension = on ? await load() : await Promise.resolve([]);
        if (this.gone || on !== this.on) {
          return;
        }
        this.view.dispatch({ effects: compartment.reconfigure(extension) });
        if (!on) {
          this.view.dispatch(setDiagnostics(this.view.state, []));
        }
      }

      private on = false;
      private gone = false;
    }
  );
  return [compartment.of([]), plugin];
}
