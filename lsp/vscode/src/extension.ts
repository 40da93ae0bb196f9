/**
 * The extension: starts the language server and follows settings and the selected interpreter.
 */
import * as vscode from 'vscode';
import { registerCommands } from './commands';
import { onInterpreterChange } from './python';
import { Server } from './server';
import { Status } from './status';

const PROCESS_SETTINGS = ['mldeploy.enabled', 'mldeploy.command', 'mldeploy.interpreter', 'python.defaultInterpreterPath'];

let server: Server | undefined;

/** Called by VS Code when one of the activation events happens. */
export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel('ML Deploy');
  const answers = vscode.window.createOutputChannel('ML Deploy Services');
  const status = new Status();
  const own = new Server(status, output, answers);
  server = own;
  context.subscriptions.push(output, answers, status, own);
  registerCommands(context, own, output);
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration(event => {
      if (PROCESS_SETTINGS.some(name => event.affectsConfiguration(name))) {
        void own.restart();
      }
    })
  );
  const listener = await onInterpreterChange(() => void own.follow());
  if (listener !== undefined) {
    context.subscriptions.push(listener);
  }
  // Not awaited: looking for the server takes a while, and a missing one must not make the activation fail.
  void own.start();
}

/** Called by VS Code when it ends. */
export function deactivate(): Thenable<void> | undefined {
  return server?.stop();
}
