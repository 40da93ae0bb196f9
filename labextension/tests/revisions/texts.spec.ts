import type { IRevisionInFull } from '../../src/api';
import { textOf } from '../../src/revisions/texts';

const REVISION = {
  revision: 1,
  source: 'def run(x): return x\n',
  environment: {
    python: '3.11',
    pip: ['numpy==2.0', 'scikit-learn==1.5'],
    docker: { b: 1, a: null }
  },
  models: [{ name: 'ridge', version: 2, size: 1, digest: 'sha256:1' }],
  files: [{ path: 'prep.py', size: 1, digest: 'sha256:2' }],
  config: { workers: 2 },
  schema: { b: [1, { d: 1, c: 2 }], a: 1 }
} as unknown as IRevisionInFull;

describe('a revision as texts', () => {
  it('has one value a line', () => {
    expect(textOf(REVISION, 'environment').split('\n')).toEqual([
      'docker.b: 1',
      'pip: numpy==2.0',
      'pip: scikit-learn==1.5',
      'python: 3.11',
      'model: ridge:2 sha256:1',
      'file: prep.py sha256:2',
      'configuration.workers: 2',
      ''
    ]);
  });

  it('has the texts of the other files, and of what is no text its identity', () => {
    const revision = {
      ...REVISION,
      entry_script: 'score.py',
      files: [
        { path: 'conf.yml', size: 4, digest: 'sha256:1', text: 'a: 1' },
        { path: 'logo.png', size: 9, digest: 'sha256:2', text: null },
        { path: 'score.py', size: 1, digest: 'sha256:3', text: null }
      ]
    };
    expect(textOf(revision, 'files')).toBe(
      '### conf.yml\na: 1\n\n### logo.png\n9 bytes, sha256:2\n\n'
    );
  });

  it('has a schema with its keys in order, or none', () => {
    expect(JSON.parse(textOf(REVISION, 'schema'))).toEqual(REVISION.schema);
    expect(textOf(REVISION, 'schema').indexOf('"a"')).toBeLessThan(
      textOf(REVISION, 'schema').indexOf('"b"')
    );
    expect(textOf({ ...REVISION, schema: null }, 'schema')).toBe('');
    expect(textOf(REVISION, 'code')).toBe(REVISION.source);
  });
});
