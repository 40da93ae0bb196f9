/**
 * Where the server may be, most wanted first. Free of VS Code, so that it is tested without it.
 */
import * as path from 'node:path';

/** A command to try, and in which words to speak of it. */
export interface Candidate {
  readonly command: string;
  readonly args: readonly string[];
  /** The interpreter that would have to have the package, or undefined for a command of its own. */
  readonly python: string | undefined;
  readonly source: 'setting' | 'interpreter' | 'folder' | 'path';
}

/** What is known before anything is tried. */
export interface Known {
  /** `mldeploy.command`: a whole command line, or nothing. */
  readonly command: readonly string[];
  /** `mldeploy.interpreter`: a Python interpreter, or an empty text. */
  readonly interpreter: string;
  /** The interpreter that the Python extension has selected. */
  readonly selected: string | undefined;
  /** Folders of the workspace. */
  readonly folders: readonly string[];
  /** The environment variable PATH. */
  readonly path: string;
  readonly exists: (file: string) => boolean;
  readonly platform: NodeJS.Platform;
}

const MODULE = ['-m', 'mldeploy_lsp', '--stdio'] as const;

/** Returns the commands to try. A command that the settings name is the only one: the user has decided. */
export function candidates(known: Known): Candidate[] {
  const [command, ...args] = known.command;
  if (command !== undefined && command !== '') {
    return [{ command: expand(command, known.folders), args, python: undefined, source: 'setting' }];
  }
  if (known.interpreter !== '') {
    return [ofPython(expand(known.interpreter, known.folders), 'setting')];
  }
  const found: Candidate[] = [];
  if (known.selected !== undefined && known.selected !== '') {
    found.push(ofPython(known.selected, 'interpreter'));
  }
  const inEnvironment = known.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  for (const folder of known.folders) {
    for (const name of ['.venv', 'venv', 'env']) {
      const python = path.join(folder, name, ...inEnvironment);
      if (known.exists(python)) {
        found.push(ofPython(python, 'folder'));
      }
    }
  }
  const own = onPath(known, known.platform === 'win32' ? ['mldeploy-lsp.exe'] : ['mldeploy-lsp']);
  if (own !== undefined) {
    found.push({ command: own, args: ['--stdio'], python: undefined, source: 'path' });
  }
  const python = onPath(known, known.platform === 'win32' ? ['python.exe'] : ['python3', 'python']);
  if (python !== undefined) {
    found.push(ofPython(python, 'path'));
  }
  return found.filter((one, at) => found.findIndex(other => sameCommand(one, other)) === at);
}

/** Whether two candidates start the same process. */
export function sameCommand(one: Candidate, other: Candidate): boolean {
  return one.command === other.command && one.args.join('\0') === other.args.join('\0');
}

function ofPython(python: string, source: Candidate['source']): Candidate {
  return { command: python, args: MODULE, python, source };
}

function onPath(known: Known, names: readonly string[]): string | undefined {
  const delimiter = known.platform === 'win32' ? ';' : ':';
  for (const folder of known.path.split(delimiter)) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (folder !== '' && known.exists(file)) {
        return file;
      }
    }
  }
  return undefined;
}

/** Fills in `${workspaceFolder}` and `~`. */
export function expand(text: string, folders: readonly string[]): string {
  const home = process.env['HOME'] ?? process.env['USERPROFILE'] ?? '~';
  return text.replace(/\$\{workspaceFolder\}/g, folders[0] ?? '.').replace(/^~(?=[/\\]|$)/, home);
}
