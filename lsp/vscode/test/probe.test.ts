import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Candidate } from '../src/candidates';
import { explain, probe, readPython, readVersion } from '../src/probe';

const PYTHON: Candidate = { command: '/env/bin/python', args: [], python: '/env/bin/python', source: 'interpreter' };
const said = (found: object) => ({ code: 0, stdout: `${JSON.stringify(found)}\n`, stderr: '' });

test('an interpreter with everything is ready', () => {
  const found = readPython(said({ python: [3, 12], ours: true, pygls: true, version: '1.2.3' }));
  assert.deepEqual(found, { kind: 'ready', version: '1.2.3' });
});

test('what an interpreter lacks is named with its way out', () => {
  const without = (more: object) =>
    explain(PYTHON, readPython(said({ python: [3, 12], ours: true, pygls: true, version: '1', ...more })));
  assert.match(without({ ours: false }), /not installed in \/env\/bin\/python.*Install jupyter_mldeploy\[lsp\]/);
  assert.match(without({ pygls: false }), /without its language server/);
  assert.match(without({ python: [3, 9] }), /older than Python 3\.11/);
});

test('chatter before the answer does no harm, and its absence is no answer', () => {
  const line = JSON.stringify({ python: [3, 11], ours: true, pygls: true, version: '1' });
  assert.equal(readPython({ code: 0, stdout: `hello from sitecustomize\n${line}\n`, stderr: '' }).kind, 'ready');
  assert.equal(readPython({ code: 0, stdout: 'hello\n', stderr: '' }).kind, 'broken');
});

test('a process that fails is quoted', () => {
  const found = readPython({ code: 1, stdout: '', stderr: 'Traceback\nImportError: no libssl' });
  assert.match(explain(PYTHON, found), /ImportError: no libssl/);
  assert.deepEqual(readVersion({ code: 0, stdout: 'mldeploy-lsp 0.1.0\n', stderr: '' }), {
    kind: 'ready',
    version: '0.1.0'
  });
  assert.equal(readVersion({ code: 0, stdout: 'something else', stderr: '' }).kind, 'broken');
});

test('a program that is not there', async () => {
  const absent: Candidate = { command: '/nowhere/mldeploy-lsp', args: [], python: undefined, source: 'setting' };
  const found = await probe(absent);
  assert.deepEqual(found, { kind: 'missing', package: 'command' });
  assert.match(explain(absent, found), /no program \/nowhere\/mldeploy-lsp/);
});

test('nothing to try', () => {
  assert.match(explain(undefined, undefined), /No Python interpreter/);
});

test('a real process is asked', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'mldeploy-')), 'mldeploy-lsp');
  writeFileSync(file, '#!/bin/sh\n[ "$1" = --version ] && echo mldeploy-lsp 9.8.7\n');
  chmodSync(file, 0o755);
  assert.deepEqual(await probe({ command: file, args: ['--stdio'], python: undefined, source: 'path' }), {
    kind: 'ready',
    version: '9.8.7'
  });
});

test('the real interpreter is asked', { skip: process.env['MLDEPLOY_TEST_PYTHON'] === undefined }, async () => {
  const python = process.env['MLDEPLOY_TEST_PYTHON'] ?? '';
  const found = await probe({ command: python, args: [], python, source: 'interpreter' });
  assert.equal(found.kind, 'ready');
});
