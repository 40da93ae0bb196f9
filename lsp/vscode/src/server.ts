/**
 * Finds, starts, restarts and stops the language server.
 */
import * as fs from 'node:fs';
import * as vscode from 'vscode';
import {
  type ClientCapabilities,
  type DocumentSelector,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  type StaticFeature
} from 'vscode-languageclient/node';
import { type Logged, loggedText, type Tested, testedText } from './answers';
import { type Candidate, candidates } from './candidates';
import { explain, type Probe, probe } from './probe';
import { selectedInterpreter, selectInterpreter } from './python';
import { SELECTOR } from './selector';
import type { Status } from './status';

const INSTALL = 'Install';
const SELECT = 'Select Interpreter';
const SETTINGS = 'Open Settings';

/** The server's process and everything around it. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private running: Candidate | undefined;
  private lacking: Candidate | undefined;
  /** Starts and stops follow one another; whoever comes later waits. */
  private turn: Promise<void> = Promise.resolve();
  private complained = '';

  constructor(
    private readonly status: Status,
    private readonly output: vscode.OutputChannel,
    private readonly answers: vscode.OutputChannel
  ) {}

  /** Starts the server, or says why it cannot. `quietly`: a complaint that was made already is not repeated. */
  start(quietly = false): Promise<void> {
    return this.inTurn(() => this.startNow(quietly));
  }

  /** Stops the server and starts it again, with whatever is selected now. */
  restart(): Promise<void> {
    return this.inTurn(async () => {
      await this.stopNow();
      await this.startNow(false);
    });
  }

  /** Restarts it when another interpreter is selected than the one it runs with. */
  follow(): Promise<void> {
    return this.inTurn(async () => {
      const first = (await this.candidates())[0];
      if (this.running !== undefined && first?.command === this.running.command) {
        return;
      }
      await this.stopNow();
      await this.startNow(true);
    });
  }

  /** Stops it. */
  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  /** Has the server do one of its commands; undefined when it does not run. */
  async execute<T>(command: string, argument: object): Promise<T | undefined> {
    await this.turn;
    if (this.client === undefined) {
      await this.start();
    }
    if (this.client === undefined) {
      return undefined;
    }
    return vscode.commands.executeCommand<T>(command, argument);
  }

  /** Installs the package into the interpreter that lacks it, then starts the server. */
  async install(): Promise<void> {
    const python = this.lacking?.python ?? (await selectedInterpreter(folder()));
    if (python === undefined) {
      void vscode.window.showErrorMessage('Select a Python interpreter first.');
      return;
    }
    const task = new vscode.Task(
      { type: 'mldeploy.install' },
      vscode.TaskScope.Workspace,
      'Install the language server',
      'ML Deploy',
      new vscode.ProcessExecution(python, ['-m', 'pip', 'install', 'jupyter_mldeploy[lsp]'])
    );
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true };
    const execution = await vscode.tasks.executeTask(task);
    const ended = await new Promise<number | undefined>(resolve => {
      const listener = vscode.tasks.onDidEndTaskProcess(event => {
        if (event.execution === execution) {
          listener.dispose();
          resolve(event.exitCode);
        }
      });
    });
    if (ended === 0) {
      await this.restart();
    } else {
      void vscode.window.showErrorMessage('jupyter_mldeploy[lsp] was not installed; the terminal says why.');
    }
  }

  dispose(): void {
    void this.stop();
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work).catch((error: unknown) => {
      this.output.appendLine(error instanceof Error ? (error.stack ?? error.message) : String(error));
      this.status.failed(String(error), { title: 'Show output', command: 'mldeploy.showOutput' });
    });
    this.turn = done;
    return done;
  }

  private async candidates(): Promise<Candidate[]> {
    const settings = vscode.workspace.getConfiguration('mldeploy', folder());
    return candidates({
      command: settings.get<string[]>('command') ?? [],
      interpreter: settings.get<string>('interpreter') ?? '',
      selected: await selectedInterpreter(folder()),
      folders: (vscode.workspace.workspaceFolders ?? [])
        .filter(each => each.uri.scheme === 'file')
        .map(each => each.uri.fsPath),
      path: process.env['PATH'] ?? '',
      exists: file => fs.existsSync(file),
      platform: process.platform
    });
  }

  private async startNow(quietly: boolean): Promise<void> {
    if (this.client !== undefined) {
      return;
    }
    if (vscode.workspace.getConfiguration('mldeploy').get('enabled') === false) {
      this.status.stopped();
      return;
    }
    this.status.starting();
    let first: { candidate: Candidate; answer: Probe } | undefined;
    for (const candidate of await this.candidates()) {
      const answer = await probe(candidate, folder()?.fsPath);
      this.output.appendLine(explain(candidate, answer));
      if (answer.kind === 'ready') {
        await this.run(candidate, answer.version);
        return;
      }
      first ??= { candidate, answer };
    }
    this.missing(first?.candidate, first?.answer, quietly);
  }

  private async run(candidate: Candidate, version: string): Promise<void> {
    const cwd = folder()?.fsPath;
    const client = new LanguageClient(
      'mldeploy',
      'ML Deploy',
      {
        command: candidate.command,
        args: [...candidate.args],
        options: { env: { ...process.env, PYTHONUNBUFFERED: '1' }, ...(cwd === undefined ? {} : { cwd }) }
      },
      this.options()
    );
    client.registerFeature(new FindingsArePushed());
    this.client = client;
    this.running = candidate;
    this.lacking = undefined;
    try {
      await client.start();
    } catch (error) {
      this.client = undefined;
      this.running = undefined;
      throw error;
    }
    this.complained = '';
    this.status.running(version, candidate.python ?? candidate.command);
    await vscode.commands.executeCommand('setContext', 'mldeploy.running', true);
  }

  private options(): LanguageClientOptions {
    const settings = vscode.workspace.getConfiguration('mldeploy', folder());
    return {
      documentSelector: SELECTOR as DocumentSelector,
      outputChannel: this.output,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: {
        home: settings.get('home'),
        server: settings.get('server'),
        codeLenses: settings.get('codeLenses'),
        inlayHints: settings.get('inlayHints')
      },
      synchronize: { configurationSection: 'mldeploy' },
      middleware: {
        executeCommand: async (command, args, next) => {
          const given: unknown[] = [...args];
          if (command === 'mldeploy.logs') {
            given[0] = { ...(given[0] as object), quiet: true };
          }
          const result: unknown = await next(command, given);
          this.show(command, result);
          return result;
        }
      }
    };
  }

  private show(command: string, result: unknown): void {
    if (result === null || result === undefined) {
      return;
    }
    if (command === 'mldeploy.test') {
      this.answers.appendLine(testedText(result as Tested, new Date()));
      this.answers.show(true);
    } else if (command === 'mldeploy.logs') {
      this.answers.replace(`${loggedText(result as Logged)}\n`);
      this.answers.show(true);
    }
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.running = undefined;
    if (client === undefined) {
      return;
    }
    await vscode.commands.executeCommand('setContext', 'mldeploy.running', false);
    // A process that has died cannot be stopped any more; what it held is given back either way.
    await client.dispose(2_000).catch(() => undefined);
  }

  private missing(candidate: Candidate | undefined, answer: Probe | undefined, quietly: boolean): void {
    this.lacking = candidate;
    const reason = explain(candidate, answer);
    const installable = answer?.kind === 'missing' && (answer.package === 'jupyter_mldeploy' || answer.package === 'pygls');
    this.status.failed(
      reason,
      installable
        ? { title: INSTALL, command: 'mldeploy.install' }
        : { title: SETTINGS, command: 'workbench.action.openSettings', arguments: ['mldeploy'] }
    );
    if (quietly && this.complained === reason) {
      return;
    }
    this.complained = reason;
    const ways = [...(installable ? [INSTALL] : []), SELECT, SETTINGS];
    void vscode.window.showWarningMessage(reason, ...ways).then(async chosen => {
      if (chosen === INSTALL) {
        await this.install();
      } else if (chosen === SELECT) {
        await selectInterpreter();
      } else if (chosen === SETTINGS) {
        await vscode.commands.executeCommand('workbench.action.openSettings', 'mldeploy');
      }
    });
  }
}

/**
 * Has the server push its findings. This client library never pulls those of notebook cells: it pulls what is open in a
 * tab of its own, and a cell is not.
 */
class FindingsArePushed implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    delete capabilities.textDocument?.diagnostic;
  }

  initialize(): void {}

  getState(): { kind: 'static' } {
    return { kind: 'static' };
  }

  clear(): void {}
}

function folder(): vscode.Uri | undefined {
  return vscode.workspace.workspaceFolders?.find(each => each.uri.scheme === 'file')?.uri;
}
