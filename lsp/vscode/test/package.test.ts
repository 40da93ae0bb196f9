import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SELECTOR } from '../src/selector';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const source = ['commands', 'server', 'status', 'extension'].map(name => readFileSync(`src/${name}.ts`, 'utf8')).join('\n');
/** Registered by the client library for the server. */
const SERVER_COMMANDS = ['mldeploy.deploy', 'mldeploy.test', 'mldeploy.logs', 'mldeploy.swagger', 'mldeploy.explainKind'];

test('every command of the manifest is registered, and none of the server twice', () => {
  const registered = [...source.matchAll(/add\('(mldeploy\.\w+)'/g)].map(found => found[1]);
  const contributed = manifest.contributes.commands.map((each: { command: string }) => each.command);
  assert.deepEqual([...registered].sort(), [...contributed].sort());
  assert.deepEqual(registered.filter(name => SERVER_COMMANDS.includes(name ?? '')), []);
});

test('every file that the manifest names is there', () => {
  const { jsonValidation, yamlValidation, walkthroughs } = manifest.contributes;
  const files = [
    ...[...jsonValidation, ...yamlValidation].map((each: { url: string }) => each.url),
    ...walkthroughs.flatMap((each: { steps: { media: { markdown: string } }[] }) =>
      each.steps.map(step => step.media.markdown)
    )
  ];
  assert.deepEqual(files.filter(file => !existsSync(file)), []);
});

test('settings that are read are in the manifest', () => {
  const read = [...source.matchAll(/get(?:<[^>]*>)?\('(\w+)'\)/g)].map(found => `mldeploy.${found[1]}`);
  assert.ok(read.length >= 6);
  const known = Object.keys(manifest.contributes.configuration.properties);
  assert.deepEqual(read.filter(name => !known.includes(name) && name !== 'mldeploy.defaultInterpreterPath'), []);
});

test('cells and files are looked at', () => {
  assert.ok(SELECTOR.some(each => each.scheme === 'vscode-notebook-cell' && each.language === 'python'));
  assert.ok(SELECTOR.some(each => each.scheme === 'file' && each.language === 'yaml'));
});
