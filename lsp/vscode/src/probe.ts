/**
 * Finds out whether a command starts the server, before it is started as one.
 */
import { execFile } from 'node:child_process';
import type { Candidate } from './candidates';

/** What a candidate answered. */
export type Probe =
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'missing'; readonly package: 'jupyter_mldeploy' | 'pygls' | 'command' | 'python>=3.11' }
  | { readonly kind: 'broken'; readonly reason: string };

/** Tells in one line of JSON what an interpreter has; it imports nothing heavy and runs on any Python 3. */
export const QUESTION = [
  'import importlib.util as u, json, sys',
  'has = lambda name: u.find_spec(name) is not None',
  'version = ""',
  'ours = has("mldeploy_lsp") and has("jupyter_mldeploy")',
  'if ours and sys.version_info >= (3, 11):',
  '    from jupyter_mldeploy._version import __version__ as version',
  'print(json.dumps({"python": sys.version_info[:2], "ours": ours, "pygls": has("pygls"), "version": version}))'
].join('\n');

/** Milliseconds for an answer; a cold disk or a busy machine needs many of them to start Python. */
const LIMIT_MS = 60_000;

/** Asks one candidate. */
export async function probe(candidate: Candidate, cwd?: string): Promise<Probe> {
  const args = candidate.python === undefined ? ['--version'] : ['-c', QUESTION];
  const answer = await run(candidate.command, args, cwd);
  if (answer.code === 'ENOENT' || answer.code === 'EACCES') {
    return { kind: 'missing', package: 'command' };
  }
  return candidate.python === undefined ? readVersion(answer) : readPython(answer);
}

/** What a process said, and how it ended. */
export interface Answer {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Reads what `mldeploy-lsp --version` said. */
export function readVersion(answer: Answer): Probe {
  const version = /^mldeploy-lsp (\S+)/m.exec(answer.stdout)?.[1];
  if (answer.code === 0 && version !== undefined) {
    return { kind: 'ready', version };
  }
  return { kind: 'broken', reason: lastLine(answer) };
}

/** Reads what an interpreter said to QUESTION. */
export function readPython(answer: Answer): Probe {
  if (answer.code !== 0) {
    return { kind: 'broken', reason: lastLine(answer) };
  }
  let found: { python?: number[]; ours?: boolean; pygls?: boolean; version?: string };
  try {
    found = JSON.parse(answer.stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    return { kind: 'broken', reason: lastLine(answer) };
  }
  const [major = 0, minor = 0] = found.python ?? [];
  if (major < 3 || (major === 3 && minor < 11)) {
    return { kind: 'missing', package: 'python>=3.11' };
  }
  if (found.ours !== true) {
    return { kind: 'missing', package: 'jupyter_mldeploy' };
  }
  return found.pygls === true ? { kind: 'ready', version: found.version ?? '' } : { kind: 'missing', package: 'pygls' };
}

/** Says in one sentence why there is no server, and what to do. */
export function explain(candidate: Candidate | undefined, answer: Probe | undefined): string {
  if (candidate === undefined || answer === undefined) {
    return 'No Python interpreter was found. Select one with jupyter_mldeploy[lsp], or set mldeploy.command.';
  }
  const where = candidate.python ?? candidate.command;
  if (answer.kind === 'broken') {
    return `${where} does not start: ${answer.reason}`;
  }
  if (answer.kind === 'ready') {
    return `mldeploy-lsp ${answer.version} of ${where}`;
  }
  switch (answer.package) {
    case 'command':
      return `There is no program ${where}, which the settings name. Correct mldeploy.command or mldeploy.interpreter.`;
    case 'python>=3.11':
      return `${where} is older than Python 3.11, which jupyter_mldeploy needs. Select another interpreter.`;
    case 'pygls':
      return `${where} has jupyter_mldeploy without its language server. Install jupyter_mldeploy[lsp].`;
    case 'jupyter_mldeploy':
      return `jupyter_mldeploy is not installed in ${where}. Install jupyter_mldeploy[lsp] there, or select another interpreter.`;
  }
}

function lastLine(answer: Answer): string {
  const text = answer.stderr.trim() || answer.stdout.trim();
  return text.split('\n').at(-1) || `it ended with ${answer.code}`;
}

function run(command: string, args: readonly string[], cwd?: string): Promise<Answer> {
  return new Promise(resolve => {
    execFile(
      command,
      [...args],
      { timeout: LIMIT_MS, windowsHide: true, maxBuffer: 1 << 20, ...(cwd === undefined ? {} : { cwd }) },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : (error.code ?? 'killed'), stdout, stderr })
    );
  });
}
