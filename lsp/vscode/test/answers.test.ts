import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loggedText, readPayload, testedText } from '../src/answers';

test('an answer is laid out, with what explains it', () => {
  const text = testedText(
    { name: 'doubles', status: 500, body: `{"message":"${'no '.repeat(40)}"}`, seconds: 0.0042, explanation: ['score.py, line 3'] },
    new Date(0)
  );
  assert.match(text, /doubles answered 500 in 4\.2 ms/);
  assert.match(text, /^ {2}\{\n {4}"message": "(no ){40}"\n {2}\}$/m);
  assert.match(text, /^ {2}score\.py, line 3$/m);
});

test('a body that is no JSON stays as it is', () => {
  const text = testedText({ name: 'a', status: 200, body: '<html>', seconds: 1.5, explanation: [] }, new Date(0));
  assert.match(text, /in 1500 ms\n {2}<html>$/);
});

test('a short answer stays on one line', () => {
  const text = testedText({ name: 'a', status: 200, body: '[2, 4]', seconds: 0.5, explanation: [] }, new Date(0));
  assert.match(text, /in 500 ms\n {2}\[2,4\]$/);
});

test('logs', () => {
  assert.equal(loggedText({ name: 'a', lines: ['one', 'two'] }), 'one\ntwo');
  assert.equal(loggedText({ name: 'a', lines: [] }), 'a has written no logs yet.');
});

test('payloads', () => {
  assert.deepEqual(readPayload('{"data": [1]}'), { value: { data: [1] } });
  assert.match((readPayload('{data') as { problem: string }).problem, /^This is no JSON/);
});
