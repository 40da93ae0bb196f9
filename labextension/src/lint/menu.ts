import type { EditorView } from '@codemirror/view';
import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

import type { FindingEditors } from './editor';

/** Open the menu of fixes at the cursor; the editor has the focus again when it closes. */
export function openFixMenu(
  view: EditorView,
  editors: FindingEditors,
  trans: TranslationBundle
): void {
  const commands = new CommandRegistry();
  const menu = new Menu({ commands });
  menu.addClass('jp-mldeploy-fixes');
  const add = (label: string, execute: () => unknown, enabled = true) => {
    const id = `item-${menu.items.length}`;
    commands.addCommand(id, {
      label,
      execute,
      isEnabled: () => enabled,
      describedBy: { args: { type: 'object', properties: {} } }
    });
    menu.addItem({ command: id });
  };

  const findings = editors.atCursor(view);
  for (const shown of findings) {
    for (const fix of shown.finding.fixes ?? []) {
      add(fix.title, () => editors.fix(view, shown, fix));
    }
  }
  if (menu.items.length === 0) {
    add(trans.__('There is no fix here'), () => undefined, false);
  }
  menu.addItem({ type: 'separator' });
  add(trans.__('Apply all safe fixes'), () => editors.fixAll(view));
  for (const code of new Set(findings.map(each => each.finding.code))) {
    add(trans.__('What is %1?', code), () => editors.showRule(code));
  }

  editors.hide(view);
  const place = view.coordsAtPos(view.state.selection.main.head);
  menu.aboutToClose.connect(() => {
    view.focus();
    // Its commands run after it has closed.
    setTimeout(() => menu.dispose());
  });
  const box = view.dom.getBoundingClientRect();
  menu.open(place?.left ?? box.left, place?.bottom ?? box.top);
  menu.activeIndex = menu.items.findIndex(
    item => item.type === 'command' && item.isEnabled
  );
}
