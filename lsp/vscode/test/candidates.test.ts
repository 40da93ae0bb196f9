import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidates, expand, type Known } from '../src/candidates';

const NOTHING: Known = {
  command: [],
  interpreter: '',
  selected: undefined,
  folders: [],
  path: '',
  exists: () => false,
  platform: 'linux'
};
const files = (...paths: string[]) => (file: string) => paths.includes(file);

test('a command from the settings is the only candidate', () => {
  const found = candidates({
    ...NOTHING,
    command: ['${workspaceFolder}/bin/lsp', '--log-level', 'debug'],
    interpreter: '/usr/bin/python3',
    selected: '/envs/one/bin/python',
    folders: ['/project']
  });
  assert.deepEqual(found, [
    { command: '/project/bin/lsp', args: ['--log-level', 'debug'], python: undefined, source: 'setting' }
  ]);
});

test('an interpreter from the settings is the only candidate too', () => {
  const found = candidates({ ...NOTHING, interpreter: '/opt/python', selected: '/envs/one/bin/python' });
  assert.deepEqual(found.map(one => [one.command, ...one.args]), [['/opt/python', '-m', 'mldeploy_lsp', '--stdio']]);
});

test('the selected interpreter comes before the folder, the folder before PATH', () => {
  const found = candidates({
    ...NOTHING,
    selected: '/envs/one/bin/python',
    folders: ['/project', '/other'],
    path: '/empty:/usr/bin',
    exists: files('/project/.venv/bin/python', '/other/venv/bin/python', '/usr/bin/mldeploy-lsp', '/usr/bin/python3')
  });
  assert.deepEqual(
    found.map(one => [one.command, one.source]),
    [
      ['/envs/one/bin/python', 'interpreter'],
      ['/project/.venv/bin/python', 'folder'],
      ['/other/venv/bin/python', 'folder'],
      ['/usr/bin/mldeploy-lsp', 'path'],
      ['/usr/bin/python3', 'path']
    ]
  );
});

test('an interpreter that is selected and in the folder is tried once', () => {
  const found = candidates({
    ...NOTHING,
    selected: '/project/.venv/bin/python',
    folders: ['/project'],
    exists: files('/project/.venv/bin/python')
  });
  assert.equal(found.length, 1);
});

test('nothing known, nothing tried', () => {
  assert.deepEqual(candidates(NOTHING), []);
});

test('placeholders are filled in', () => {
  process.env['HOME'] = '/home/ada';
  assert.equal(expand('~/bin/python', []), '/home/ada/bin/python');
  assert.equal(expand('${workspaceFolder}/.venv/bin/python', ['/a', '/b']), '/a/.venv/bin/python');
  assert.equal(expand('~other/python', []), '~other/python');
});
