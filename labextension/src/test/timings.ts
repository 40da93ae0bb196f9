/** Percentiles and histogram of the seconds that requests took. */

export interface IBin {
  /** Seconds; the upper bound belongs to the next bin, that of the last bin to itself. */
  from: number;
  to: number;
  count: number;
}

export interface ITimings {
  count: number;
  p50: number;
  p95: number;
  minimum: number;
  maximum: number;
  bins: IBin[];
}

/** Return the percentile of sorted values: the smallest that is at least as large as `percent` of them. */
export function percentile(sorted: readonly number[], percent: number): number {
  if (sorted.length === 0) {
    return NaN;
  }
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1];
}

/**
 * Summarise times; null without any.
 *
 * The bins have widths of 1, 2 or 5 times a power of ten. What lies beyond three times p95 would squeeze the rest into
 * one bar and is counted in the last one.
 */
export function summarise(
  seconds: readonly number[],
  most = 20
): ITimings | null {
  const sorted = seconds
    .filter(Number.isFinite)
    .sort((one, other) => one - other);
  if (sorted.length === 0) {
    return null;
  }
  const [p50, p95] = [percentile(sorted, 50), percentile(sorted, 95)];
  const minimum = sorted[0];
  const maximum = sorted[sorted.length - 1];
  const end = Math.min(maximum, p95 * 3);
  const width = roundWidth(
    (end - minimum) / most || Math.max(end, 1e-6) / most
  );
  const begin = Math.floor(minimum / width);
  const bins: IBin[] = [];
  for (let at = begin; at === begin || at * width <= end; at++) {
    bins.push({ from: at * width, to: (at + 1) * width, count: 0 });
  }
  for (const value of sorted) {
    const at = Math.min(
      bins.length - 1,
      Math.max(0, Math.floor(value / width) - begin)
    );
    bins[at].count += 1;
  }
  bins[bins.length - 1].to = Math.max(bins[bins.length - 1].to, maximum);
  return { count: sorted.length, p50, p95, minimum, maximum, bins };
}

/** Return seconds for people: `380 µs`, `38.2 ms`, `1.24 s`. */
export function secondsText(seconds: number): string {
  if (!Number.isFinite(seconds)) {
    return '–';
  }
  if (seconds < 0.001) {
    return `${Math.round(seconds * 1e6)} µs`;
  }
  if (seconds < 1) {
    return `${digits(seconds * 1000)} ms`;
  }
  return `${digits(seconds)} s`;
}

function digits(value: number): string {
  return value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(2);
}

function roundWidth(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  const step =
    [1, 2, 5, 10].find(factor => factor * power >= width * (1 - 1e-9)) ?? 10;
  return step * power;
}
