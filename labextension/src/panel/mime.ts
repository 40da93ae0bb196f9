import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { JSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import { compact } from '../ui/json';

/** Return a widget that shows data in the form that Lab has for its type, or as text where it has none. */
export function shown(
  rendermime: IRenderMimeRegistry | null,
  type: string,
  data: string | JSONObject
): Widget {
  const known = rendermime?.mimeTypes.includes(type) ?? false;
  if (rendermime === null || !known) {
    const node = document.createElement('pre');
    node.tabIndex = 0;
    node.textContent = typeof data === 'string' ? data : compact(data);
    return new Widget({ node });
  }
  const renderer = rendermime.createRenderer(type);
  void renderer
    .renderModel(rendermime.createModel({ data: { [type]: data } }))
    .then(() => {
      makeReachable(renderer.node);
    });
  return renderer;
}

/** Let the keyboard reach what scrolls. */
function makeReachable(node: HTMLElement): void {
  for (const each of node.querySelectorAll('pre')) {
    each.tabIndex = 0;
  }
}

/** Return a Markdown text that shows code with its colours. */
export function fenced(text: string, language: string): string {
  const longest = Math.max(
    2,
    ...[...text.matchAll(/`+/g)].map(match => match[0].length)
  );
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
