import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { type ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { FilteredLog } from './filter';
import type { IRow } from './store';
import { type IFrame, frameOf, isUsers } from './traceback';
import { scrollTopOf, viewport } from './viewport';

/** Height of a row in pixels; the style sheet has the same. */
export const ROW_HEIGHT = 18;

/**
 * The rows of a log: only those in view are in the page, however many there are.
 *
 * The element scrolls by itself, so that wheel, touch and the keys of the browser (arrows, Page Up, Home, …) work.
 */
export class LogList extends Widget {
  constructor(
    private readonly rows: FilteredLog,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-mldeploy-LogList');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'log');
    this.node.setAttribute('aria-label', trans.__('Log lines'));
    this._sizer.className = 'jp-mldeploy-LogList-sizer';
    this._lines.className = 'jp-mldeploy-LogList-rows';
    this._sizer.append(this._lines);
    this.node.append(this._sizer);
  }

  /** Emitted with true when the end is followed, with false when people have scrolled away from it. */
  get followChanged(): ISignal<this, boolean> {
    return this._followChanged;
  }

  /** Emitted with a row and the frame in it when people want to see where it came from. */
  get frameChosen(): ISignal<this, { row: IRow; frame: IFrame }> {
    return this._frameChosen;
  }

  get follow(): boolean {
    return this._follow;
  }

  set follow(follow: boolean) {
    if (follow !== this._follow) {
      this._follow = follow;
      this.node.setAttribute('aria-live', follow ? 'polite' : 'off');
      this._followChanged.emit(follow);
    }
    this.refresh();
  }

  /** Draw again, soon: what is shown has changed. */
  refresh(): void {
    if (!this._asked && this.isVisible) {
      this._asked = true;
      window.requestAnimationFrame(() => {
        this._asked = false;
        this._draw();
      });
    }
  }

  /** Bring a row of the store to the top of the view. */
  reveal(number: number): void {
    this.follow = false;
    const place = this.rows.place(number);
    this.node.scrollTop = scrollTopOf(
      place,
      this.rows.size,
      ROW_HEIGHT,
      this.node.clientHeight
    );
    this.refresh();
  }

  handleEvent(event: Event): void {
    if (event.type === 'scroll') {
      this._scrolled();
    } else if (event.type === 'click') {
      const target = event.target as HTMLElement;
      const place = target.closest<HTMLElement>('[data-frame]')?.dataset.frame;
      if (place !== undefined) {
        const row = this.rows.store.row(Number(place));
        const frame = frameOf(row.text);
        if (frame) {
          this._frameChosen.emit({ row, frame });
        }
      }
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.node.addEventListener('scroll', this, { passive: true });
    this.node.addEventListener('click', this);
    this._sizes = new ResizeObserver(() => this.refresh());
    this._sizes.observe(this.node);
    this.follow = this._follow;
  }

  protected override onBeforeDetach(message: Message): void {
    this.node.removeEventListener('scroll', this);
    this.node.removeEventListener('click', this);
    this._sizes?.disconnect();
    super.onBeforeDetach(message);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.refresh();
  }

  /** A scroll that we did not make ourselves says whether people want to follow. */
  private _scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.node;
    const atEnd = scrollTop + clientHeight >= scrollHeight - ROW_HEIGHT;
    const moved = Math.abs(scrollTop - this._placedAt) > 1;
    if (moved && atEnd !== this._follow) {
      this.follow = atEnd;
    }
    this.refresh();
  }

  private _draw(): void {
    if (this.isDisposed || !this.isVisible) {
      return;
    }
    const { size } = this.rows;
    const { clientHeight } = this.node;
    const height = viewport(size, ROW_HEIGHT, 0, clientHeight).height;
    if (height !== this._height) {
      this._height = height;
      this._sizer.style.height = `${height}px`;
    }
    if (this._follow) {
      this._placedAt = Math.max(0, height - clientHeight);
      this.node.scrollTop = this._placedAt;
      this._placedAt = this.node.scrollTop;
    }
    const view = viewport(size, ROW_HEIGHT, this.node.scrollTop, clientHeight);
    this._lines.style.transform = `translateY(${view.top}px)`;
    for (let at = view.first; at < view.last; at++) {
      this._put(at - view.first, this.rows.number(at));
    }
    while (this._lines.childElementCount > view.last - view.first) {
      this._lines.lastElementChild?.remove();
      this._drawn.pop();
    }
  }

  /** Put a row of the store into an element, which is used again and again. */
  private _put(at: number, number: number): void {
    let line = this._lines.children[at] as HTMLElement | undefined;
    if (line === undefined) {
      line = document.createElement('div');
      line.className = 'jp-mldeploy-LogRow';
      this._lines.append(line);
    } else if (this._drawn[at] === number) {
      return;
    }
    this._drawn[at] = number;
    const row = this.rows.store.row(number);
    line.dataset.level = row.level;
    line.replaceChildren(...this._parts(row, number));
  }

  private _parts(row: IRow, number: number): (Node | string)[] {
    const { trans } = this;
    const parts: (Node | string)[] = [];
    if (row.continued) {
      parts.push(span('jp-mldeploy-LogRow-head', ''));
    } else {
      const time =
        row.time === null ? '' : new Date(row.time * 1000).toISOString();
      const head = span('jp-mldeploy-LogRow-head', time.slice(11, 23));
      head.title = time;
      parts.push(head);
    }
    parts.push(
      span('jp-mldeploy-LogRow-level', row.continued ? '' : LETTERS[row.level]),
      span('jp-mldeploy-LogRow-source', row.continued ? '' : row.source)
    );
    const frame = frameOf(row.text);
    if (frame === null || !isUsers(frame)) {
      parts.push(row.text);
      return parts;
    }
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'jp-mldeploy-Link';
    button.dataset.frame = String(number);
    button.title = trans.__('Show where this line came from');
    button.textContent = row.text.slice(frame.begin, frame.end);
    parts.push(
      row.text.slice(0, frame.begin),
      button,
      row.text.slice(frame.end)
    );
    return parts;
  }

  private readonly _followChanged = new Signal<this, boolean>(this);
  private readonly _frameChosen = new Signal<
    this,
    { row: IRow; frame: IFrame }
  >(this);
  private readonly _sizer = document.createElement('div');
  private readonly _lines = document.createElement('div');
  private readonly _drawn: number[] = [];
  private _sizes: ResizeObserver | null = null;
  private _follow = true;
  private _asked = false;
  private _height = -1;
  private _placedAt = 0;
}

const LETTERS = {
  debug: 'D',
  info: 'I',
  warning: 'W',
  error: 'E',
  critical: 'C'
} as const;

function span(className: string, text: string): HTMLSpanElement {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
}
