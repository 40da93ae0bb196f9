import type { TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { IFilter } from './filter';
import type { Level } from './store';

/** Milliseconds after the last key before the filter is used. */
const TYPING_MS = 150;

/** What can be done with a log: filter, follow, go to the beginning, download. */
export class LogBar extends Widget {
  constructor(private readonly trans: TranslationBundle) {
    super();
    this.addClass('jp-mldeploy-LogBar');
    this._text.type = 'search';
    this._text.className = 'jp-mod-styled';
    this._text.placeholder = trans.__('Filter: text or /pattern/');
    this._text.setAttribute('aria-label', trans.__('Filter the log'));
    this._text.spellcheck = false;
    this._text.addEventListener('input', () => this._typed());
    this._level.className = 'jp-mod-styled';
    this._level.setAttribute('aria-label', trans.__('Least severe level'));
    this._level.addEventListener('change', () => this._emit());
    this._levels();
    this._follow = this._button(trans.__('Follow'), () =>
      this._followAsked.emit(
        this._follow.getAttribute('aria-pressed') !== 'true'
      )
    );
    this._follow.title = trans.__('Stay at the end as lines come');
    this.follow = true;
    const start = this._button(trans.__('From the beginning'), () =>
      this._startAsked.emit()
    );
    const download = this._button(trans.__('Download'), () =>
      this._downloadAsked.emit()
    );
    this._count.className = 'jp-mldeploy-LogBar-count';
    this._said.className = 'jp-mldeploy-LogBar-said';
    this._said.setAttribute('role', 'status');
    this.node.append(
      this._text,
      this._level,
      this._follow,
      start,
      download,
      this._count,
      this._said
    );
  }

  get filterChanged(): ISignal<this, IFilter> {
    return this._filterChanged;
  }

  get followAsked(): ISignal<this, boolean> {
    return this._followAsked;
  }

  get startAsked(): ISignal<this, void> {
    return this._startAsked;
  }

  get downloadAsked(): ISignal<this, void> {
    return this._downloadAsked;
  }

  set follow(follow: boolean) {
    this._follow.setAttribute('aria-pressed', String(follow));
  }

  /** Show how many rows there are. */
  count(shown: number, all: number, complete: boolean): void {
    const { trans } = this;
    const text =
      shown === all
        ? trans._n('%1 line', '%1 lines', all)
        : trans.__(
            '%1 of %2 lines',
            shown.toLocaleString(),
            all.toLocaleString()
          );
    this._count.textContent = complete ? text : `${text} …`;
  }

  /** Say something; an empty text says nothing. */
  say(text: string): void {
    this._said.textContent = text;
  }

  override dispose(): void {
    window.clearTimeout(this._timer);
    super.dispose();
  }

  private _levels(): void {
    const { trans } = this;
    const levels: [Level, string][] = [
      ['debug', trans.__('All levels')],
      ['info', trans.__('Info and above')],
      ['warning', trans.__('Warnings and above')],
      ['error', trans.__('Errors and above')],
      ['critical', trans.__('Critical only')]
    ];
    levels.forEach(([level, label]) => {
      this._level.add(new Option(label, level));
    });
  }

  private _typed(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this._emit(), TYPING_MS);
  }

  private _emit(): void {
    this._filterChanged.emit({
      text: this._text.value,
      level: this._level.value as Level
    });
  }

  private _button(label: string, onClick: () => void): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'jp-mldeploy-Button jp-mod-small';
    button.textContent = label;
    button.addEventListener('click', onClick);
    return button;
  }

  private readonly _text = document.createElement('input');
  private readonly _level = document.createElement('select');
  private readonly _count = document.createElement('span');
  private readonly _said = document.createElement('span');
  private readonly _follow: HTMLButtonElement;
  private readonly _filterChanged = new Signal<this, IFilter>(this);
  private readonly _followAsked = new Signal<this, boolean>(this);
  private readonly _startAsked = new Signal<this, void>(this);
  private readonly _downloadAsked = new Signal<this, void>(this);
  private _timer = 0;
}
