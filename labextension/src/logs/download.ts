import type { ApiClient, ILogLine } from '../api';

/** Lines that are asked for at once. */
const PAGE = 20_000;

/** How a log is begun from its oldest line. */
export const FROM_START = '';

/** Return a service's whole log as it would stand in a file, page by page. */
export async function wholeLog(
  client: ApiClient,
  name: string,
  uid: string,
  signal: AbortSignal,
  onPage?: (lines: number) => void
): Promise<Blob> {
  const parts: string[] = [];
  let cursor = FROM_START;
  let lines = 0;
  while (!signal.aborted) {
    const page = await client.logs(name, { uid, cursor, limit: PAGE });
    if (page.lines.length > 0) {
      parts.push(page.lines.map(lineText).join(''));
      lines += page.lines.length;
      onPage?.(lines);
    }
    if (page.lines.length === 0 || page.cursor === cursor) {
      break;
    }
    cursor = page.cursor;
  }
  return new Blob(parts, { type: 'text/plain;charset=utf-8' });
}

/** Return a line as it stands in a file. */
export function lineText(line: ILogLine): string {
  const time =
    line.time === null ? '-' : new Date(line.time * 1000).toISOString();
  return `${time} ${line.level.toUpperCase()} ${line.source || '-'} ${line.text}\n`;
}

/** Let the browser save a blob. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
