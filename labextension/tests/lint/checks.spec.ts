import { Text } from '@codemirror/state';

import type {
  ApiClient,
  IFinding,
  IFindings,
  ILintRequest
} from '../../src/api';
import { Checks, type Origin, Superseded } from '../../src/lint/checks';

const doc = (text: string) => Text.of(text.split('\n'));
const finding: IFinding = {
  code: 'MLD301',
  severity: 'error',
  message: 'No.',
  line: 2,
  column: 1,
  end_line: 2,
  end_column: 3
};

/** A server that answers when it is told to, and remembers what it was asked. */
class FakeServer {
  readonly asked: { request: ILintRequest; signal: AbortSignal }[] = [];
  readonly answers: ((findings: Partial<IFindings>) => void)[] = [];

  lint(request: ILintRequest, signal: AbortSignal): Promise<IFindings> {
    this.asked.push({ request, signal });
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
      this.answers.push(found =>
        resolve({
          diagnostics: [],
          milliseconds: 1,
          cell_names: null,
          ...found
        })
      );
    });
  }
}

const cell = (notebook: object, ...others: string[]): Origin => ({
  kind: 'cell',
  path: 'a.ipynb',
  others,
  notebook
});

describe('Checks', () => {
  let server: FakeServer;
  let checks: Checks;

  beforeEach(() => {
    server = new FakeServer();
    checks = new Checks(server as unknown as ApiClient);
  });

  it('places findings in UTF-16 units', async () => {
    const text = doc('%%deploy a\n😀xyz');
    const found = checks.check({}, text, cell({}));
    server.answers[0]({ diagnostics: [finding] });
    expect((await found)[0]).toMatchObject({ from: 13, to: 15 });
  });

  it('gives up the older request of the same text', async () => {
    const key = {};
    const first = checks.check(key, doc('%%deploy a'), cell({}));
    const second = checks.check(key, doc('%%deploy ab'), cell({}));
    await expect(first).rejects.toBeInstanceOf(Superseded);
    expect(server.asked[0].signal.aborted).toBe(true);
    server.answers[1]({ diagnostics: [finding] });
    expect(await second).toHaveLength(1);
  });

  it('leaves requests of other texts alone', async () => {
    const first = checks.check({}, doc('%%deploy a'), cell({}));
    void checks.check({}, doc('%%deploy b'), cell({})).catch(() => undefined);
    server.answers[0]({});
    expect(await first).toEqual([]);
  });

  it('sends the other cells once, then the names that they bind', async () => {
    const notebook = {};
    const key = {};
    const ask = async (origin: Origin, names: string[] | null) => {
      const found = checks.check(key, doc('%%deploy a'), origin);
      server.answers[server.answers.length - 1]({ cell_names: names });
      await found;
      return server.asked[server.asked.length - 1].request;
    };
    expect(checks.outdated(cell(notebook, 'x = 1'))).toBe(true);
    expect(await ask(cell(notebook, 'x = 1'), ['x'])).toMatchObject({
      cells: ['x = 1']
    });
    const again = await ask(cell(notebook, 'x = 1'), null);
    expect(again.cell_names).toEqual(['x']);
    expect(again.cells).toBeUndefined();
    expect(checks.outdated(cell(notebook, 'y = 1'))).toBe(true);
    expect((await ask(cell(notebook, 'y = 1'), ['y'])).cells).toEqual([
      'y = 1'
    ]);
    expect((await ask(cell({}, 'y = 1'), ['y'])).cells).toEqual(['y = 1']);
  });

  it('asks nothing about Python files that are no entry scripts', async () => {
    const file: Origin = { kind: 'file', path: 'src/train.py' };
    expect(await checks.check({}, doc('print("hello")'), file)).toEqual([]);
    expect(server.asked).toHaveLength(0);
    void checks.check({}, doc('def run(data): pass'), file);
    expect(server.asked[0].request).toEqual({
      text: 'def run(data): pass',
      path: 'src/train.py',
      kind: 'auto'
    });
  });

  it('drops what nobody waits for', async () => {
    const key = {};
    const found = checks.check(key, doc('%%deploy a'), cell({}));
    checks.drop(key);
    await expect(found).rejects.toBeInstanceOf(Superseded);
  });
});
