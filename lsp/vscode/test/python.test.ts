import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type * as vscode from 'vscode';
import { onInterpreterChange, selectedInterpreter, selectInterpreter } from '../src/python';
import { host } from './vscode';

const ID = 'ms-python.python';
const FOLDER = { fsPath: '/project' } as vscode.Uri;

/** The public interface of the Python extension, as far as it goes: paths are resolved to environments. */
function pythonExtension(executable: string | undefined, path = '/envs/one') {
  const listeners: (() => void)[] = [];
  const asked: unknown[] = [];
  const api = {
    environments: {
      getActiveEnvironmentPath: (resource: unknown) => {
        asked.push(resource);
        return { id: path, path };
      },
      resolveEnvironment: (environment: { path: string }) =>
        Promise.resolve(
          executable === undefined
            ? undefined
            : { path: environment.path, executable: { uri: { fsPath: executable } } }
        ),
      onDidChangeActiveEnvironmentPath: (then: () => void) => {
        listeners.push(then);
        return { dispose: () => listeners.splice(listeners.indexOf(then), 1) };
      }
    }
  };
  return { api, asked, listeners };
}

beforeEach(() => {
  host.installed.clear();
  host.settings.clear();
  host.executed.length = 0;
});

test('the interpreter that the Python extension has selected for a folder is taken', async () => {
  const { api, asked } = pythonExtension('/envs/one/bin/python');
  host.installed.set(ID, { isActive: true, exports: api, activate: () => Promise.reject(new Error('it is active')) });
  assert.equal(await selectedInterpreter(FOLDER), '/envs/one/bin/python');
  assert.deepEqual(asked, [FOLDER]);
});

test('the Python extension is activated first when it sleeps', async () => {
  const { api } = pythonExtension('/envs/one/bin/python');
  let activated = 0;
  host.installed.set(ID, {
    isActive: false,
    exports: undefined,
    activate: () => {
      activated += 1;
      return Promise.resolve(api);
    }
  });
  assert.equal(await selectedInterpreter(undefined), '/envs/one/bin/python');
  assert.equal(activated, 1);
});

test('an environment without a Python, or one that is gone, is no interpreter', async () => {
  for (const found of [
    pythonExtension(undefined).api,
    {
      environments: {
        ...pythonExtension('x').api.environments,
        resolveEnvironment: () => Promise.resolve({ executable: { uri: undefined } })
      }
    }
  ]) {
    host.installed.set(ID, { isActive: true, exports: found, activate: () => Promise.resolve(found) });
    assert.equal(await selectedInterpreter(FOLDER), undefined);
  }
});

test('without the Python extension its setting counts, unless it says no more than python', async () => {
  assert.equal(await selectedInterpreter(FOLDER), undefined);
  host.settings.set('python.defaultInterpreterPath', 'python');
  assert.equal(await selectedInterpreter(FOLDER), undefined);
  host.settings.set('python.defaultInterpreterPath', '/opt/python');
  assert.equal(await selectedInterpreter(FOLDER), '/opt/python');
});

test('a Python extension that does not start, or is too old for its interface, is as none', async () => {
  host.settings.set('python.defaultInterpreterPath', '/opt/python');
  host.installed.set(ID, { isActive: false, exports: undefined, activate: () => Promise.reject(new Error('no')) });
  assert.equal(await selectedInterpreter(FOLDER), '/opt/python');
  assert.equal(await onInterpreterChange(() => undefined), undefined);
  host.installed.set(ID, { isActive: true, exports: { settings: {} }, activate: () => Promise.resolve({}) });
  assert.equal(await selectedInterpreter(FOLDER), '/opt/python');
});

test('another selection is heard of until nobody listens', async () => {
  const { api, listeners } = pythonExtension('/envs/one/bin/python');
  host.installed.set(ID, { isActive: true, exports: api, activate: () => Promise.resolve(api) });
  let heard = 0;
  const listening = await onInterpreterChange(() => (heard += 1));
  listeners.forEach(each => each());
  assert.equal(heard, 1);
  listening?.dispose();
  assert.deepEqual(listeners, []);
});

test("selecting opens the Python extension's picker, or the setting without it", async () => {
  await selectInterpreter();
  host.installed.set(ID, { isActive: true, exports: {}, activate: () => Promise.resolve({}) });
  await selectInterpreter();
  assert.deepEqual(host.executed, [
    ['workbench.action.openSettings', 'mldeploy.interpreter'],
    ['python.setInterpreter']
  ]);
});
