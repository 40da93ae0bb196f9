/**
 * A log in memory: millions of lines in typed arrays and joined texts, bounded, the oldest going first.
 *
 * Lines have absolute numbers that stay theirs when old ones go. A message of several lines becomes several rows, so
 * that every row has the same height.
 */

/** A line as the server sends it. */
export interface ILine {
  time: number | null;
  text: string;
  source: string;
  revision: number | null;
  level: string;
}

/** A row of the log view. */
export interface IRow {
  /** Epoch seconds. */
  time: number | null;
  text: string;
  source: string;
  revision: number | null;
  level: Level;
  /** It goes on a message that began in a row before. */
  continued: boolean;
}

/** Levels from the least to the most severe. */
export const LEVELS = [
  'debug',
  'info',
  'warning',
  'error',
  'critical'
] as const;
export type Level = (typeof LEVELS)[number];

const CHUNK = 1024;
const CONTINUED = 0x80;

/** Terminal sequences and control characters, tabs excepted. */
const CONTROL =
  // eslint-disable-next-line no-control-regex
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Longest row; what is longer is cut, since one row of a megabyte would stall the browser. */
export const LONGEST = 10_000;

/** Return the level that a name stands for; unknown ones are `info`. */
export function levelOf(name: string): Level {
  const lower = name.toLowerCase();
  if (lower === 'warn') {
    return 'warning';
  }
  if (lower === 'fatal') {
    return 'critical';
  }
  return LEVELS.find(level => level === lower) ?? 'info';
}

interface IChunk {
  texts: string | string[];
  ends: Uint32Array;
  times: Float64Array;
  levels: Uint8Array;
  revisions: Int32Array;
  sources: Uint16Array;
  length: number;
  characters: number;
}

export class LogStore {
  /**
   * @param mostRows rows that are kept.
   * @param mostCharacters characters that are kept; whichever bound is met first counts.
   */
  constructor(
    readonly mostRows = 1_000_000,
    readonly mostCharacters = 192 * 1024 * 1024
  ) {}

  /** Number of the oldest row that is kept. */
  get first(): number {
    return this._dropped * CHUNK;
  }

  /** Number after the newest row. */
  get end(): number {
    return this._end;
  }

  /** Rows that are kept. */
  get size(): number {
    return this.end - this.first;
  }

  /** Characters that are kept. */
  get characters(): number {
    return this._characters;
  }

  append(lines: readonly ILine[]): void {
    for (const line of lines) {
      const texts = line.text.includes('\n')
        ? line.text.replace(/\n$/, '').split('\n')
        : [line.text];
      texts.forEach((text, at) => this._add(text, line, at > 0));
    }
    this._trim();
  }

  clear(): void {
    this._chunks = [];
    this._dropped = Math.ceil(this._end / CHUNK);
    this._end = this._dropped * CHUNK;
    this._characters = 0;
  }

  /** Return a row. @throws RangeError when it is not (or no longer) there. */
  row(number: number): IRow {
    const [chunk, at] = this._place(number);
    const level = chunk.levels[at];
    const revision = chunk.revisions[at];
    const time = chunk.times[at];
    return {
      time: Number.isNaN(time) ? null : time,
      text: textAt(chunk, at),
      source: this._names[chunk.sources[at]],
      revision: revision < 0 ? null : revision,
      level: LEVELS[level & ~CONTINUED],
      continued: (level & CONTINUED) !== 0
    };
  }

  /** Return a row's text, as cheaply as can be. */
  text(number: number): string {
    const [chunk, at] = this._place(number);
    return textAt(chunk, at);
  }

  /** Return the rank of a row's level in {@link LEVELS}. */
  rank(number: number): number {
    const [chunk, at] = this._place(number);
    return chunk.levels[at] & ~CONTINUED;
  }

  private _place(number: number): [IChunk, number] {
    const chunk = this._chunks[Math.floor(number / CHUNK) - this._dropped];
    const at = number % CHUNK;
    if (number < this.first || number >= this._end || chunk === undefined) {
      throw new RangeError(`row ${number} is not kept`);
    }
    return [chunk, at];
  }

  private _add(text: string, line: ILine, continued: boolean): void {
    if (this._end % CHUNK === 0) {
      this._seal();
      this._chunks.push(newChunk());
    }
    const chunk = this._chunks[this._chunks.length - 1];
    const at = chunk.length;
    const clean = cleaned(text);
    (chunk.texts as string[]).push(clean);
    chunk.characters += clean.length;
    chunk.ends[at] = chunk.characters;
    chunk.times[at] = line.time ?? NaN;
    chunk.levels[at] =
      LEVELS.indexOf(levelOf(line.level)) | (continued ? CONTINUED : 0);
    chunk.revisions[at] = line.revision ?? -1;
    chunk.sources[at] = this._name(line.source);
    chunk.length += 1;
    this._characters += clean.length;
    this._end += 1;
  }

  /** Join the texts of the last chunk, which is full: one long text costs less than a thousand. */
  private _seal(): void {
    const last = this._chunks[this._chunks.length - 1];
    if (last !== undefined && Array.isArray(last.texts)) {
      last.texts = last.texts.join('');
    }
  }

  private _trim(): void {
    while (
      this._chunks.length > 1 &&
      (this.size - CHUNK >= this.mostRows ||
        this._characters > this.mostCharacters)
    ) {
      this._characters -= this._chunks[0].characters;
      this._chunks.shift();
      this._dropped += 1;
    }
  }

  private _name(source: string): number {
    const known = this._numbers.get(source);
    if (known !== undefined) {
      return known;
    }
    if (this._names.length >= 0xffff) {
      return 0; // so many sources that they no longer help
    }
    this._names.push(source);
    this._numbers.set(source, this._names.length - 1);
    return this._names.length - 1;
  }

  private _chunks: IChunk[] = [];
  private _dropped = 0;
  private _end = 0;
  private _characters = 0;
  private readonly _names: string[] = [''];
  private readonly _numbers = new Map<string, number>([['', 0]]);
}

function newChunk(): IChunk {
  return {
    texts: [],
    ends: new Uint32Array(CHUNK),
    times: new Float64Array(CHUNK),
    levels: new Uint8Array(CHUNK),
    revisions: new Int32Array(CHUNK),
    sources: new Uint16Array(CHUNK),
    length: 0,
    characters: 0
  };
}

function textAt(chunk: IChunk, at: number): string {
  return Array.isArray(chunk.texts)
    ? chunk.texts[at]
    : chunk.texts.slice(at === 0 ? 0 : chunk.ends[at - 1], chunk.ends[at]);
}

function cleaned(text: string): string {
  const shown = text.replace(CONTROL, '');
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)} …` : shown;
}
