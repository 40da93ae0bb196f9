import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel, Widget } from '@lumino/widgets';

import type { IServiceTabContext } from '../tokens';
import { FollowingTab } from './following';
import { fenced, shown } from './mime';

/** Calls of the service, ready to paste, and the entry script that serves them. */
export class CodeTab extends FollowingTab {
  constructor(
    context: IServiceTabContext,
    private readonly rendermime: IRenderMimeRegistry | null
  ) {
    super(context);
  }

  protected async content(): Promise<Widget[]> {
    const { deployments, name, uid } = this.context;
    const { client, trans, services } = deployments;
    const number = services.find(name, uid)?.revision;
    const [codes, revision] = await Promise.all([
      client.code(name),
      number ? client.revision(name, number) : Promise.resolve(null)
    ]);
    const widgets = codes.flatMap(code => [
      this.heading(trans.__('Call it: %1', code.label)),
      this.block(code.text, LANGUAGES[code.label] ?? '')
    ]);
    if (revision !== null) {
      widgets.push(
        this.heading(
          trans.__('Entry script of revision %1', revision.revision)
        ),
        this.block(revision.source, 'python')
      );
    }
    return widgets;
  }

  private block(text: string, language: string): Widget {
    const { trans } = this.context.deployments;
    const panel = new Panel();
    panel.addClass('jp-mldeploy-Block');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'jp-mldeploy-Button';
    button.textContent = trans.__('Copy');
    button.addEventListener('click', () => {
      Clipboard.copyToSystem(text);
      Notification.info(trans.__('Copied.'), { autoClose: 2000 });
    });
    panel.addWidget(
      shown(this.rendermime, 'text/markdown', fenced(text, language))
    );
    panel.addWidget(new Widget({ node: button }));
    return panel;
  }
}

const LANGUAGES: Record<string, string> = {
  Python: 'python',
  curl: 'bash',
  'C#': 'csharp'
};
