/** Rows beyond the edges that are kept, so that fast scrolling shows no gap. */
const SPARE = 8;

/** Return which of `count` rows of one height are to be in the page: from the first, up to before the last. */
export function windowed(
  top: number,
  height: number,
  row: number,
  count: number
): [number, number] {
  const first = Math.max(0, Math.floor(top / row) - SPARE);
  const last = Math.min(count, Math.ceil((top + height) / row) + SPARE);
  return [Math.min(first, last), last];
}
