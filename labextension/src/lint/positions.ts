import type { Text } from '@codemirror/state';

/**
 * Return the offset in a text of a position as the server counts: lines from 1, columns from 0 in code points. Positions
 * outside are cut to the text.
 */
export function offsetOf(doc: Text, line: number, column: number): number {
  if (line < 1) {
    return 0;
  }
  if (line > doc.lines) {
    return doc.length;
  }
  const { from, text } = doc.line(line);
  return from + unitsOf(text, column);
}

/** Return how many UTF-16 units the first `points` code points of a text have. */
export function unitsOf(text: string, points: number): number {
  let units = 0;
  for (let count = 0; count < points && units < text.length; count++) {
    units += text.codePointAt(units)! > 0xffff ? 2 : 1;
  }
  return units;
}
