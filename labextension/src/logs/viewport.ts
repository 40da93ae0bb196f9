/**
 * Which rows of a long list stand in view, and where.
 *
 * Browsers cut the height of an element (Firefox at about 17.8 million pixels): beyond {@link TALLEST} the scroll bar
 * stands for the list in proportion, and the rows near it still lie one after the other.
 */

/** Height in pixels that every browser can do. */
export const TALLEST = 12_000_000;

export interface IViewport {
  /** Height of the element that scrolls, in pixels. */
  height: number;
  /** Rows `first` to `last` (excluded) are drawn. */
  first: number;
  last: number;
  /** Where the first drawn row stands, in pixels from the top of the element that scrolls. */
  top: number;
}

/**
 * Return what to draw.
 *
 * @param rows how many there are.
 * @param rowHeight in pixels.
 * @param scrollTop of the scrolling element.
 * @param viewHeight pixels that are seen.
 * @param beyond rows to draw above and below of what is seen.
 */
export function viewport(
  rows: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
  beyond = 20
): IViewport {
  const full = rows * rowHeight;
  const height = Math.min(full, TALLEST);
  const offset = offsetOf(full, height, scrollTop, viewHeight);
  const seen = Math.min(
    Math.max(0, Math.floor(offset / rowHeight)),
    Math.max(0, rows - 1)
  );
  const first = Math.max(0, seen - beyond);
  const last = Math.min(
    rows,
    Math.ceil((offset + viewHeight) / rowHeight) + beyond
  );
  return {
    height,
    first,
    last: Math.max(first, last),
    top: scrollTop + first * rowHeight - offset
  };
}

/** Return the `scrollTop` with which a row stands at the top of the view, as far as that is possible. */
export function scrollTopOf(
  row: number,
  rows: number,
  rowHeight: number,
  viewHeight: number
): number {
  const full = rows * rowHeight;
  const height = Math.min(full, TALLEST);
  const most = Math.max(0, height - viewHeight);
  if (full <= TALLEST) {
    return Math.min(most, row * rowHeight);
  }
  return Math.min(most, (row * rowHeight * most) / (full - viewHeight));
}

/** Pixels of the whole list above the view. */
function offsetOf(
  full: number,
  height: number,
  scrollTop: number,
  viewHeight: number
): number {
  const most = Math.max(0, full - viewHeight);
  if (full <= height) {
    return Math.min(most, Math.max(0, scrollTop));
  }
  return Math.min(
    most,
    Math.max(0, (scrollTop * most) / (height - viewHeight))
  );
}
