import {
  EditorState,
  type Extension,
  StateEffect,
  StateField
} from '@codemirror/state';
import {
  type EditorView,
  hoverTooltip,
  showTooltip,
  type Tooltip
} from '@codemirror/view';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IFix } from '../api';
import { findingsOf, type IShownFinding } from './finding';

/** What a tooltip's buttons do. */
export interface IFindingActions {
  readonly trans: TranslationBundle;
  fix(view: EditorView, finding: IShownFinding, fix: IFix): void;
  showRule(code: string): void;
}

/** Shows findings where somebody has gone to by keyboard; null hides them. */
export const showFindings = StateEffect.define<
  readonly IShownFinding[] | null
>();

/** Tooltips with message, link to the rule and buttons of the fixes: under the mouse, and where the keyboard leads. */
export function findingTooltips(actions: IFindingActions): Extension {
  const tooltip = (findings: readonly IShownFinding[]): Tooltip => ({
    pos: Math.min(...findings.map(each => each.from)),
    end: Math.max(...findings.map(each => each.to)),
    above: false,
    create: view => ({ dom: content(view, findings, actions) })
  });
  const byKeyboard = StateField.define<Tooltip | null>({
    create: () => null,
    update(value, transaction) {
      for (const effect of transaction.effects) {
        if (effect.is(showFindings)) {
          return effect.value === null ? null : tooltip(effect.value);
        }
      }
      // It goes with the next key that moves or writes.
      return transaction.docChanged || transaction.selection ? null : value;
    },
    provide: field => showTooltip.from(field)
  });
  const byMouse = hoverTooltip(
    (view, at, side) => {
      const found = findingsOf(view.state).filter(
        each =>
          each.from <= at &&
          at <= each.to &&
          (each.from === each.to ||
            (at > each.from ? at < each.to || side < 0 : side > 0))
      );
      return found.length === 0 ? null : tooltip(found);
    },
    { hideOnChange: true }
  );
  return [byKeyboard, byMouse];
}

/** Say a severity in a word: nothing is told by colour alone. */
export function severityLabel(
  severity: string,
  trans: TranslationBundle
): string {
  switch (severity) {
    case 'error':
      return trans.__('Error');
    case 'warning':
      return trans.__('Warning');
    case 'info':
      return trans.__('Info');
    default:
      return trans.__('Hint');
  }
}

function content(
  view: EditorView,
  findings: readonly IShownFinding[],
  actions: IFindingActions
): HTMLElement {
  const list = element('div', 'jp-mldeploy-Findings');
  for (const each of findings) {
    const { finding } = each;
    const item = element('div', 'jp-mldeploy-Finding');
    item.dataset.severity = finding.severity;
    const text = element('p', 'jp-mldeploy-Finding-message');
    text.append(
      element(
        'span',
        'jp-mldeploy-Finding-severity',
        severityLabel(finding.severity, actions.trans)
      ),
      ` ${finding.message} `,
      button('jp-mldeploy-Finding-rule', finding.code, () =>
        actions.showRule(finding.code)
      )
    );
    item.append(text);
    const fixes = view.state.facet(EditorState.readOnly)
      ? []
      : (finding.fixes ?? []);
    if (fixes.length > 0) {
      const row = element('div', 'jp-mldeploy-Finding-fixes');
      for (const fix of fixes) {
        row.append(
          button('jp-mldeploy-Finding-fix', fix.title, () =>
            actions.fix(view, each, fix)
          )
        );
      }
      item.append(row);
    }
    list.append(item);
  }
  return list;
}

function element(tag: string, name: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function button(name: string, text: string, press: () => void): HTMLElement {
  const made = element('button', name, text) as HTMLButtonElement;
  made.type = 'button';
  // The editor must not take the press for a click into its text.
  made.addEventListener('mousedown', event => event.preventDefault());
  made.addEventListener('click', event => {
    event.preventDefault();
    press();
  });
  return made;
}
