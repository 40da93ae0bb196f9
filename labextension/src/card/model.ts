import type { JSONValue } from '@lumino/coreutils';

/** What a card in a notebook says; it is a saved text and may come from anywhere. */
export interface ICardData {
  kind: string;
  name: string;
  /** Identity of the service; without one the card is about nothing that could be alive. */
  uid: string | null;
  /** The revision that this card is the receipt of. */
  revision: number | null;
  /** `cell In[3] line 7`: where a failure came from. */
  where: string | null;
  /** What the linter said about the script, errors and warnings. */
  findings: ICardFinding[];
}

/** A finding as a card tells it: of its fixes the titles, which mean nothing until the text is checked again. */
export interface ICardFinding {
  code: string;
  message: string;
  place: IPlace;
  fixes: string[];
}

/** Read a card; null when it is none. */
export function readCard(value: JSONValue | undefined): ICardData | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return null;
  }
  const { kind, service, revision, where, findings } = value;
  if (
    typeof kind !== 'string' ||
    service === null ||
    typeof service !== 'object' ||
    Array.isArray(service)
  ) {
    return null;
  }
  if (typeof service.name !== 'string') {
    return null;
  }
  return {
    kind,
    name: service.name,
    uid: typeof service.uid === 'string' ? service.uid : null,
    revision: typeof revision === 'number' ? revision : null,
    where: typeof where === 'string' ? where : null,
    findings: Array.isArray(findings)
      ? findings.map(readFinding).filter(item => item !== null)
      : []
  };
}

function readFinding(value: JSONValue): ICardFinding | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return null;
  }
  const { code, message, severity, line, path, cell_id, fixes } = value;
  if (
    typeof code !== 'string' ||
    typeof message !== 'string' ||
    typeof line !== 'number' ||
    (severity !== 'error' && severity !== 'warning')
  ) {
    return null;
  }
  const named = typeof path === 'string' ? `${path} line ${line}` : null;
  return {
    code,
    message,
    // Without a name it is the cell of the output.
    place: readPlace(named) ?? {
      count: null,
      cellId: typeof cell_id === 'string' ? cell_id : null,
      line
    },
    fixes: Array.isArray(fixes)
      ? fixes.filter((title): title is string => typeof title === 'string')
      : []
  };
}

/** A place in a notebook: a cell by its execution count or id, and a line from 1. */
export interface IPlace {
  count: number | null;
  cellId: string | null;
  line: number;
}

/** Read `cell In[3] line 7` or `cell ID line 7`; null for a place in a file. */
export function readPlace(where: string | null): IPlace | null {
  const match = /^cell (?:In\[(\d+)\]|([\w.-]+)) line (\d+)$/.exec(where ?? '');
  return match === null
    ? null
    : {
        count: match[1] === undefined ? null : Number(match[1]),
        cellId: match[2] ?? null,
        line: Number(match[3])
      };
}
