/**
 * Frames of Python tracebacks in log lines, and the cell or file that they came from.
 *
 * Served scripts name their cells in tracebacks (`cell In[3]`, `cell <id>`, `the deployed cell`); the revision's line map
 * and origin say which notebook and which cell that is. Frames of a script file lie in the service's `app` folder.
 */

/** A frame that a row names. */
export interface IFrame {
  file: string;
  /** From 1. */
  line: number;
  function: string;
  /** Where the frame's text stands in the row. */
  begin: number;
  end: number;
}

/** What a revision says about the origin of its script; see `RevisionInFull` of the API. */
export interface IScriptOrigin {
  origin: {
    notebook: string | null;
    cell_id: string | null;
    path: string | null;
    file?: string | null;
  };
  entry_script: string;
  line_map: { [key: string]: unknown } | null;
}

/** A place to jump to. */
export interface IPlace {
  /** Path of the document for Lab's file browser; null when it lies outside of it or is not known. */
  file: string | null;
  /** The cell's id; null for a file. */
  cellId: string | null;
  /** Execution count of the cell, when that is what is known of it. */
  count: number | null;
  /** From 1, in the cell or file. */
  line: number;
  /** What to call it: `cell In[3], line 6`. */
  label: string;
}

const FRAME = /File "([^"]+)", line (\d+)(?:, in ([^\s,]+))?/;
/** As messages and cards name places: `cell In[3] line 6`, `(cell In[3]:6)`. */
const NAMED =
  /\b(cell (?:In\[\d+\]|[\w-]+)|the deployed cell)(?:,? line |:)(\d+)/;

/** Return the frame that a row names, or null. */
export function frameOf(text: string): IFrame | null {
  const found = FRAME.exec(text) ?? NAMED.exec(text);
  return (
    found && {
      file: found[1],
      line: Number(found[2]),
      function: found[3] ?? '',
      begin: found.index,
      end: found.index + found[0].length
    }
  );
}

/** Whether a frame lies in what the user deployed, as far as its name tells: not in a library. */
export function isUsers(frame: IFrame): boolean {
  return (
    isCell(frame.file) ||
    (/(?:^|\/)app\/[^<>]*\.py$/.test(frame.file) &&
      !/site-packages/.test(frame.file))
  );
}

/** Return where a frame of a revision came from, or null when the revision does not say. */
export function placeOf(frame: IFrame, script: IScriptOrigin): IPlace | null {
  const file = script.origin.file ?? null;
  if (isCell(frame.file)) {
    return cellPlace(frame, script, file);
  }
  if (!isUsers(frame)) {
    return null;
  }
  const name = frame.file.slice(
    frame.file.lastIndexOf('/app/') + '/app/'.length
  );
  const mapped =
    name === script.entry_script ? mappedLine(script, frame.line) : null;
  if (mapped) {
    const [, cellId, line, count] = mapped;
    return { file, cellId, count, line, label: '' };
  }
  if (script.origin.path === null) {
    return null;
  }
  const beside =
    file === null
      ? null
      : file.slice(0, file.length - script.entry_script.length) + name;
  const known =
    file !== null && file.endsWith(script.entry_script)
      ? beside
      : name === script.entry_script
        ? file
        : null;
  return {
    file: known,
    cellId: null,
    count: null,
    line: frame.line,
    label: name
  };
}

type MapRow = [number, string | null, number, number | null];

function rows(script: IScriptOrigin): MapRow[] {
  const map = script.line_map?.['map'];
  return Array.isArray(map) ? (map as MapRow[]) : [];
}

function mappedLine(script: IScriptOrigin, line: number): MapRow | null {
  return rows(script).find(row => row[0] === line) ?? null;
}

function isCell(name: string): boolean {
  return (
    name === 'the deployed cell' || /^cell (?:In\[\d+\]|[\w-]+)$/.test(name)
  );
}

function cellPlace(
  frame: IFrame,
  script: IScriptOrigin,
  file: string | null
): IPlace {
  const count = /^cell In\[(\d+)\]$/.exec(frame.file);
  const id = count ? null : /^cell ([\w-]+)$/.exec(frame.file);
  const match = rows(script).find(row =>
    count
      ? row[3] === Number(count[1])
      : id
        ? row[1] === id[1]
        : row[1] === null && row[3] === null
  );
  return {
    file,
    cellId: match?.[1] ?? id?.[1] ?? (count ? null : script.origin.cell_id),
    count: count ? Number(count[1]) : null,
    line: frame.line,
    label: frame.file
  };
}
