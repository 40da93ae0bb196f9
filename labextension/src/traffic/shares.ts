import type { IVersion } from '../api';

/** Shares as they are being edited: version → what stands in its field. */
export type Drafts = Readonly<Record<string, string>>;

/** What a set of drafts means. */
export interface IReading {
  /** Version → percentage, of all but the default. */
  readonly shares: Readonly<Record<string, number>>;
  /** What is left for the default. */
  readonly rest: number;
  /** Versions whose field is no percentage. */
  readonly wrong: readonly string[];
  /** All together are more than 100. */
  readonly tooMuch: boolean;
  /** They differ from what is in force. */
  readonly changed: boolean;
}

/** Read the fields of all versions but the default, which gets what remains. */
export function read(versions: readonly IVersion[], drafts: Drafts): IReading {
  const shares: Record<string, number> = {};
  const wrong: string[] = [];
  let changed = false;
  for (const version of versions.filter(item => !item.default)) {
    const draft = drafts[version.name];
    const share =
      draft === undefined
        ? version.weight
        : draft.trim() === ''
          ? NaN
          : Number(draft);
    if (!(share >= 0 && share <= 100)) {
      wrong.push(version.name);
      continue;
    }
    shares[version.name] = share;
    changed ||= share !== version.weight;
  }
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0);
  return {
    shares,
    rest: Math.round((100 - total) * 1e6) / 1e6,
    wrong,
    tooMuch: total > 100,
    changed: changed || wrong.length > 0
  };
}
