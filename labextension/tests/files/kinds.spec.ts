import { isModel, isScript, modelName } from '../../src/files/kinds';
import { cellKind } from '../../src/notebook/cell';

const file = (name: string) => ({ name, type: 'file' });

describe('files', () => {
  it('tells scripts and models from the rest', () => {
    expect(isScript(file('score.py'))).toBe(true);
    expect(isScript({ name: 'pkg.py', type: 'directory' })).toBe(false);
    expect(
      ['m.pkl', 'm.ONNX', 'net.pt', 'x.safetensors'].every(name =>
        isModel(file(name))
      )
    ).toBe(true);
    expect(isModel(file('notes.md'))).toBe(false);
    expect(isModel({ name: 'saved_model', type: 'directory' })).toBe(true);
  });

  it('proposes a name that the registry takes', () => {
    expect(modelName('models/My model (2).tar.gz')).toBe('My-model-2-.tar');
    expect(modelName('ridge.pkl')).toBe('ridge');
    expect(modelName('?.pkl')).toBe('model');
  });
});

describe('cellKind', () => {
  const kind = (source: string, type = 'code') =>
    cellKind({ type, sharedModel: { getSource: () => source } } as never);

  it('knows what can be deployed', () => {
    expect(kind('%%deploy a\ndef run(x): ...')).toBe('magic');
    expect(kind('import json\nasync def run(data):\n    ...')).toBe('script');
    expect(kind('def runner(x): ...')).toBe('other');
    expect(kind('%%deploy a', 'markdown')).toBe('other');
    expect(cellKind(undefined)).toBe('other');
  });
});
