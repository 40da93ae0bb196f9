import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { URLExt } from '@jupyterlab/coreutils';
import { Widget } from '@lumino/widgets';

import type { IServiceTabContext } from '../tokens';
import { compact } from '../ui/json';
import { FollowingTab } from './following';
import { fenced, shown } from './mime';
import { requestBody } from './requestbody';

/** The service's OpenAPI document: a sample request, what it has to look like, and the whole as a tree. */
export class SchemaTab extends FollowingTab {
  constructor(
    context: IServiceTabContext,
    private readonly rendermime: IRenderMimeRegistry | null
  ) {
    super(context);
  }

  protected async content(): Promise<Widget[]> {
    const { deployments, name, uid } = this.context;
    const { trans, client } = deployments;
    const document = await client.schema(name);
    const service = deployments.services.find(name, uid);
    const widgets: Widget[] = [];
    const body = requestBody(document);
    if (body?.example !== undefined) {
      widgets.push(
        this.heading(trans.__('A request')),
        shown(
          this.rendermime,
          'text/markdown',
          fenced(compact(body.example), 'json')
        )
      );
    }
    if (body?.schema !== undefined) {
      widgets.push(
        this.heading(trans.__('What a request looks like')),
        shown(this.rendermime, 'application/json', body.schema)
      );
    }
    widgets.push(
      this.heading(trans.__('The whole OpenAPI document')),
      shown(this.rendermime, 'application/json', document)
    );
    if (service !== undefined) {
      const link = window.document.createElement('a');
      link.href = URLExt.join(service.proxy_uri, 'docs');
      link.target = '_blank';
      link.rel = 'noopener';
      link.textContent = trans.__("Open the service's own page about it");
      widgets.push(new Widget({ node: link }));
    }
    return widgets;
  }
}
