import { MainAreaWidget } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { IRule } from '../api';

/** Make the page of a rule. */
export async function rulePage(
  rule: IRule,
  rendermime: IRenderMimeRegistry
): Promise<MainAreaWidget> {
  const content = rendermime.createRenderer('text/markdown');
  content.addClass('jp-mldeploy-Rule');
  await content.renderModel(
    rendermime.createModel({ data: { 'text/markdown': rule.page } })
  );
  const widget = new MainAreaWidget({ content });
  widget.id = `jp-mldeploy-rule-${rule.code}`;
  widget.title.label = rule.code;
  widget.title.caption = rule.summary;
  widget.title.closable = true;
  return widget;
}
