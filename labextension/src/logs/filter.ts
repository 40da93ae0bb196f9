/** Which rows of a log are shown: by text or pattern, by level; found in slices so that the page stays responsive. */

import type { Level, LogStore } from './store';
import { LEVELS } from './store';

export interface IFilter {
  /** A text, or a pattern between slashes (`/time.*out/`); case counts only when it has capitals. */
  text: string;
  /** The least severe level that is shown. */
  level: Level;
}

/** Rows looked at before the time is checked again. */
const STEP = 2_000;

/** Return a test of a row's text; a pattern that is none is searched as a text. */
export function matcher(text: string): (row: string) => boolean {
  if (text === '') {
    return () => true;
  }
  const sensitive = /\p{Lu}/u.test(text);
  const pattern = /^\/(.+)\/$/.exec(text);
  if (pattern) {
    try {
      const expression = new RegExp(pattern[1], sensitive ? 'u' : 'iu');
      return row => expression.test(row);
    } catch {
      // It is being typed, or is meant as it stands.
    }
  }
  if (sensitive) {
    return row => row.includes(text);
  }
  const wanted = text.toLowerCase();
  return row => row.toLowerCase().includes(wanted);
}

/** The rows of a store that a filter lets through. */
export class FilteredLog {
  constructor(readonly store: LogStore) {}

  /** Rows are hidden. */
  get filtering(): boolean {
    return this._filter.text !== '' || this._rank > 0;
  }

  /** Rows that are shown, as far as they have been looked at. */
  get size(): number {
    return this.filtering ? this._end - this._begin : this.store.size;
  }

  /** All rows have been looked at. */
  get complete(): boolean {
    return !this.filtering || this._looked >= this.store.end;
  }

  /** Return the number in the store of the row at a place of the list. */
  number(place: number): number {
    return this.filtering
      ? this._found[this._begin + place]
      : this.store.first + place;
  }

  /** Return the place in the list of a row of the store, or of the next one that is shown. */
  place(number: number): number {
    if (!this.filtering) {
      return Math.max(0, number - this.store.first);
    }
    let [low, high] = [this._begin, this._end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this._found[middle] < number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - this._begin;
  }

  set(filter: IFilter): void {
    this._filter = filter;
    this._rank = LEVELS.indexOf(filter.level);
    this._test = matcher(filter.text);
    this.restart();
  }

  /** Look at everything again. */
  restart(): void {
    this._begin = this._end = 0;
    this._looked = this.store.first;
  }

  /** Look at rows that have not been looked at, for at most `milliseconds`; return whether all have been. */
  advance(
    milliseconds: number,
    now: () => number = () => performance.now()
  ): boolean {
    this._forget();
    if (!this.filtering) {
      return true;
    }
    const until = now() + milliseconds;
    while (this._looked < this.store.end) {
      const stop = Math.min(this.store.end, this._looked + STEP);
      for (; this._looked < stop; this._looked++) {
        if (
          this.store.rank(this._looked) >= this._rank &&
          this._test(this.store.text(this._looked))
        ) {
          this._push(this._looked);
        }
      }
      if (now() >= until) {
        break;
      }
    }
    return this.complete;
  }

  /** Leave out rows that the store has dropped. */
  private _forget(): void {
    const { first } = this.store;
    this._looked = Math.max(this._looked, first);
    if (
      this.filtering &&
      this._begin < this._end &&
      this._found[this._begin] < first
    ) {
      this._begin += this.place(first);
    }
  }

  private _push(number: number): void {
    if (this._end === this._found.length) {
      const kept = this._found.subarray(this._begin, this._end);
      const grown = new Float64Array(Math.max(1024, kept.length * 2));
      grown.set(kept);
      [this._found, this._begin, this._end] = [grown, 0, kept.length];
    }
    this._found[this._end] = number;
    this._end += 1;
  }

  private _filter: IFilter = { text: '', level: 'debug' };
  private _rank = 0;
  private _test: (row: string) => boolean = () => true;
  private _found = new Float64Array(1024);
  private _begin = 0;
  private _end = 0;
  private _looked = 0;
}
