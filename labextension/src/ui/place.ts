import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Widget } from '@lumino/widgets';

/**
 * Add a widget to the main area and show it; where that has room for one document only, as in Notebook 7, beside it.
 */
export async function show(
  app: JupyterFrontEnd,
  widget: Widget,
  options: DocumentRegistry.IOpenOptions = {}
): Promise<void> {
  // Before its layout is restored a shell takes widgets and adds them later.
  await app.restored;
  app.shell.add(widget, 'main', options);
  if (!widget.isAttached) {
    app.shell.add(widget, 'right', { rank: 1000 });
  }
  app.shell.activateById(widget.id);
}
