import type { JSONValue } from '@lumino/coreutils';

/** Return JSON over several lines, arrays of plain values and short objects on one line each. */
export function compact(
  value: JSONValue | undefined,
  width = 72,
  indent = ''
): string {
  const line = oneLine(value);
  if (value === null || typeof value !== 'object') {
    return line;
  }
  const isPlain = Object.values(value).every(
    item => item === null || typeof item !== 'object'
  );
  if (
    line.length + indent.length <= width ||
    (Array.isArray(value) && isPlain)
  ) {
    return line;
  }
  const inner = indent + '  ';
  if (Array.isArray(value)) {
    const items = value.map(item => inner + compact(item, width, inner));
    return `[\n${items.join(',\n')}\n${indent}]`;
  }
  const items = Object.entries(value).map(
    ([key, item]) =>
      `${inner}${JSON.stringify(key)}: ${compact(item, width, inner)}`
  );
  return `{\n${items.join(',\n')}\n${indent}}`;
}

function oneLine(value: JSONValue | undefined): string {
  if (Array.isArray(value)) {
    return `[${value.map(oneLine).join(', ')}]`;
  }
  if (value !== null && typeof value === 'object') {
    const items = Object.entries(value).map(
      ([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`
    );
    return `{${items.join(', ')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
