import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel, type Widget } from '@lumino/widgets';

import {
  CARD_MIME,
  IDeployments,
  IFixes,
  IServiceTabs,
  PACKAGE
} from '../tokens';

/** Before text/html, which stands at 50. */
const RANK = 40;

/** Outputs of %%deploy that are alive without a kernel. */
export const card: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:card`,
  description: 'Shows the outputs of deployments as live cards.',
  autoStart: true,
  requires: [IDeployments, IServiceTabs, IRenderMimeRegistry],
  optional: [IFixes],
  activate: (
    app: JupyterFrontEnd,
    deployments: IDeployments,
    tabs: IServiceTabs,
    rendermime: IRenderMimeRegistry,
    fixes: IFixes | null
  ) => {
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [CARD_MIME],
        defaultRank: RANK,
        createRenderer: () =>
          new LazyRenderer(async () => {
            const { CardRenderer } = await import('./renderer');
            return new CardRenderer({
              deployments,
              tabs,
              commands: app.commands,
              rendermime,
              fixes
            });
          })
      },
      RANK
    );
  }
};

/** A renderer that is loaded when the first card is shown. */
class LazyRenderer extends Panel implements IRenderMime.IRenderer {
  constructor(
    private readonly load: () => Promise<Widget & IRenderMime.IRenderer>
  ) {
    super();
    this.addClass('jp-mldeploy-CardHost');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this._renderer ??= this.load();
    const renderer = await this._renderer;
    if (this.isDisposed) {
      renderer.dispose();
      return;
    }
    if (renderer.parent === null) {
      this.addWidget(renderer);
    }
    await renderer.renderModel(model);
  }

  private _renderer: Promise<Widget & IRenderMime.IRenderer> | null = null;
}
