import { linter } from '@codemirror/lint';
import { type Extension, StateEffect } from '@codemirror/state';
import { EditorView, ViewPlugin } from '@codemirror/view';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, type IFix } from '../api';
import { type Checks, type Origin, Superseded } from './checks';
import {
  changesOf,
  findingsAt,
  findingsOf,
  type IShownFinding,
  safeChanges,
  SOURCE
} from './finding';
import {
  findingTooltips,
  severityLabel,
  showFindings,
  type IFindingActions
} from './tooltip';

/** Milliseconds after the last key until a text is checked. */
const PAUSE_MS = 120;

/** Milliseconds after which a server that could not answer is asked again. */
const RETRY_MS = 5_000;

/** Asks for a check of a text that has not changed. */
const checkAgain = StateEffect.define<null>();

/** Findings in editors: checks, marks, tooltips and fixes. */
export class FindingEditors implements IFindingActions {
  constructor(
    private readonly checks: Checks,
    readonly trans: TranslationBundle,
    readonly showRule: (code: string) => void
  ) {}

  /**
   * Return what makes an editor show findings.
   *
   * @param origin - where its text comes from, asked before each check; undefined while that is not known.
   */
  extension(origin: () => Origin | undefined): Extension {
    const plugin = ViewPlugin.define(view => {
      this.views.set(view, origin);
      return {
        destroy: () => {
          this.views.delete(view);
          this.checks.drop(view);
        }
      };
    });
    return [
      plugin,
      linter(view => this.check(view), {
        delay: PAUSE_MS,
        needsRefresh: update =>
          update.transactions.some(each =>
            each.effects.some(effect => effect.is(checkAgain))
          ),
        // Ours have a tooltip of their own.
        tooltipFilter: found => found.filter(each => each.source !== SOURCE)
      }),
      findingTooltips(this),
      EditorView.editorAttributes.of({ class: 'jp-mldeploy-checked' })
    ];
  }

  /** The editor with findings that has the focus, or has had it last. */
  get current(): EditorView | undefined {
    for (const view of this.views.keys()) {
      if (view.hasFocus) {
        this.last = view;
      }
    }
    return this.last !== undefined && this.views.has(this.last)
      ? this.last
      : undefined;
  }

  /** Check editors again whose surroundings have changed. */
  surroundingsChanged(): void {
    for (const [view, origin] of this.views) {
      const now = origin();
      if (now !== undefined && this.checks.outdated(now)) {
        view.dispatch({ effects: checkAgain.of(null) });
      }
    }
  }

  /** Go to the next finding, or the one before, and show it. */
  go(view: EditorView, step: 1 | -1): boolean {
    const all = findingsOf(view.state);
    if (all.length === 0) {
      view.dispatch({
        effects: EditorView.announce.of(this.trans.__('There are no findings.'))
      });
      return false;
    }
    const at = view.state.selection.main.head;
    const next =
      step > 0
        ? (all.find(each => each.from > at) ?? all[0])
        : ([...all].reverse().find(each => each.from < at) ??
          all[all.length - 1]);
    const { finding } = next;
    const label = severityLabel(finding.severity, this.trans);
    view.dispatch({
      selection: { anchor: next.from },
      scrollIntoView: true,
      effects: [
        showFindings.of(
          all.filter(each => each.from <= next.from && next.from <= each.to)
        ),
        EditorView.announce.of(`${label}: ${finding.message} ${finding.code}`)
      ]
    });
    view.focus();
    return true;
  }

  /** Hide what `go` has shown. */
  hide(view: EditorView): void {
    view.dispatch({ effects: showFindings.of(null) });
  }

  /** Return the findings where the cursor is, or else of its line. */
  atCursor(view: EditorView): IShownFinding[] {
    return findingsAt(view.state, view.state.selection.main.head);
  }

  fix(view: EditorView, shown: IShownFinding, fix: IFix): void {
    void this.fixNow(view, shown, fix);
  }

  /** Apply the first safe fix of every finding. */
  async fixAll(view: EditorView): Promise<void> {
    const found = await this.fresh(view);
    const doc = view.state.doc;
    const changes = safeChanges(found, doc);
    if (changes.length > 0 && found.every(each => each.checked.eq(doc))) {
      view.dispatch({ changes, userEvent: 'input.fix' });
    }
    view.focus();
  }

  private async fixNow(
    view: EditorView,
    shown: IShownFinding,
    fix: IFix
  ): Promise<void> {
    let found: IFix | undefined = fix;
    if (!shown.checked.eq(view.state.doc)) {
      // The text has gone on: the same fix of the same finding, for the text as it is now.
      const again = (await this.fresh(view)).filter(
        each => each.finding.code === shown.finding.code
      );
      const at = view.state.doc.lineAt(
        Math.min(shown.from, view.state.doc.length)
      ).number;
      again.sort(
        (a, b) => Math.abs(a.finding.line - at) - Math.abs(b.finding.line - at)
      );
      found = again
        .flatMap(each => each.finding.fixes ?? [])
        .find(each => each.title === fix.title);
      if (found === undefined || !again[0].checked.eq(view.state.doc)) {
        return;
      }
    }
    view.dispatch({
      changes: changesOf(found, view.state.doc),
      effects: [
        showFindings.of(null),
        EditorView.announce.of(this.trans.__('Done: %1', fix.title))
      ],
      userEvent: 'input.fix'
    });
    view.focus();
  }

  private async fresh(view: EditorView): Promise<IShownFinding[]> {
    const origin = this.views.get(view)?.();
    try {
      return origin === undefined
        ? []
        : await this.checks.check(view, view.state.doc, origin);
    } catch (error) {
      if (error instanceof Superseded || error instanceof ApiError) {
        return [];
      }
      throw error;
    }
  }

  private async check(view: EditorView): Promise<IShownFinding[]> {
    const origin = this.views.get(view)?.();
    if (origin === undefined) {
      return [];
    }
    try {
      return await this.checks.check(view, view.state.doc, origin);
    } catch (error) {
      if (error instanceof Superseded) {
        // A newer check is on its way; until it answers, what is shown stays.
        return new Promise(() => undefined);
      }
      if (error instanceof ApiError) {
        this.tryLater(view);
        return findingsOf(view.state);
      }
      throw error;
    }
  }

  /** The server cannot say now (it restarts, or is busy): ask once more, however still the text is. */
  private tryLater(view: EditorView): void {
    setTimeout(() => {
      if (this.views.has(view)) {
        view.dispatch({ effects: checkAgain.of(null) });
      }
    }, RETRY_MS);
  }

  private readonly views = new Map<EditorView, () => Origin | undefined>();
  private last: EditorView | undefined;
}
