/**
 * The Python extension, when it is there: which interpreter is selected, and when that changes.
 */
import * as vscode from 'vscode';

const EXTENSION = 'ms-python.python';

/** The part of the Python extension's public interface that is used here. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri: vscode.Uri | undefined } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

/** Lets the user choose an interpreter: with the Python extension's picker, or in the settings without it. */
export async function selectInterpreter(): Promise<void> {
  if (vscode.extensions.getExtension(EXTENSION) === undefined) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'mldeploy.interpreter');
  } else {
    await vscode.commands.executeCommand('python.setInterpreter');
  }
}

/** Returns the interpreter that is selected for a folder: of the Python extension, or of its setting without it. */
export async function selectedInterpreter(folder: vscode.Uri | undefined): Promise<string | undefined> {
  const api = await pythonApi();
  if (api === undefined) {
    const set = vscode.workspace.getConfiguration('python', folder).get<string>('defaultInterpreterPath');
    return set === undefined || set === 'python' || set === '' ? undefined : set;
  }
  const found = await api.environments.resolveEnvironment(api.environments.getActiveEnvironmentPath(folder));
  return found?.executable.uri?.fsPath;
}

/** Calls `then` whenever another interpreter is selected. */
export async function onInterpreterChange(then: () => void): Promise<vscode.Disposable | undefined> {
  return (await pythonApi())?.environments.onDidChangeActiveEnvironmentPath(then);
}

async function pythonApi(): Promise<PythonApi | undefined> {
  const extension = vscode.extensions.getExtension<PythonApi>(EXTENSION);
  if (extension === undefined) {
    return undefined;
  }
  try {
    const api = extension.isActive ? extension.exports : await extension.activate();
    return api?.environments === undefined ? undefined : api;
  } catch {
    return undefined; // it does not start: other ways to an interpreter remain
  }
}
