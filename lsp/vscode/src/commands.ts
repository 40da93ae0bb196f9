/**
 * The commands of the palette: what the lenses do, for the script or cell that is edited now.
 */
import * as vscode from 'vscode';
import { readPayload } from './answers';
import { selectInterpreter } from './python';
import type { Server } from './server';

/** Adds the commands. */
export function registerCommands(context: vscode.ExtensionContext, server: Server, output: vscode.OutputChannel): void {
  const add = (name: string, work: () => unknown) =>
    context.subscriptions.push(vscode.commands.registerCommand(name, work));

  add('mldeploy.restart', () => server.restart());
  add('mldeploy.install', () => server.install());
  add('mldeploy.selectInterpreter', selectInterpreter);
  add('mldeploy.showOutput', () => output.show());
  add('mldeploy.deployHere', () => here(uri => server.execute('mldeploy.deploy', { uri })));
  add('mldeploy.deployAs', () =>
    here(async uri => {
      const name = await vscode.window.showInputBox({
        title: 'Deploy as',
        prompt: 'The name of the service: 3 to 32 small letters, digits and dashes.',
        validateInput: text =>
          /^[a-z]([-a-z0-9]{1,30}[a-z0-9])$/.test(text) ? undefined : '3 to 32 small letters, digits and dashes.'
      });
      return name === undefined ? undefined : server.execute('mldeploy.deploy', { uri, name });
    })
  );
  add('mldeploy.testHere', () => here(uri => server.execute('mldeploy.test', { uri })));
  add('mldeploy.testWith', () =>
    here(async uri => {
      const text = await vscode.window.showInputBox({
        title: 'Test request',
        prompt: 'The body of the request, as JSON.',
        value: '{"data": [[1, 2, 3]]}',
        ignoreFocusOut: true,
        validateInput: typed => {
          const read = readPayload(typed);
          return 'problem' in read ? read.problem : undefined;
        }
      });
      const read = text === undefined ? undefined : readPayload(text);
      return read === undefined || 'problem' in read
        ? undefined
        : server.execute('mldeploy.test', { uri, payload: read.value });
    })
  );
  add('mldeploy.logsHere', () => here(uri => server.execute('mldeploy.logs', { uri })));
  add('mldeploy.swaggerHere', () => here(uri => server.execute('mldeploy.swagger', { uri })));
}

/** Does something with the script or cell that has the focus. */
async function here(work: (uri: string) => unknown): Promise<void> {
  const uri = current();
  if (uri === undefined) {
    void vscode.window.showInformationMessage('Open an entry script, or select a %%deploy cell.');
    return;
  }
  await work(uri.toString());
}

function current(): vscode.Uri | undefined {
  const notebook = vscode.window.activeNotebookEditor;
  if (notebook !== undefined && notebook.selection !== undefined && !notebook.selection.isEmpty) {
    return notebook.notebook.cellAt(notebook.selection.start).document.uri;
  }
  const document = vscode.window.activeTextEditor?.document;
  return document?.languageId === 'python' ? document.uri : undefined;
}
