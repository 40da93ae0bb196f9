import { deployExtractor } from '../../src/lint/extractor';

describe('deployExtractor', () => {
  const body = 'def init():\n    pass\n\ndef run(data):\n    return "😀"';

  it('takes the body of a cell, and nothing stays with Python', () => {
    const code = `%%deploy churn --target local\n${body}`;
    expect(deployExtractor.hasForeignCode(code, 'code')).toBe(true);
    expect(deployExtractor.extractForeignCode(code)).toEqual([
      {
        foreignCode: body,
        hostCode: '',
        virtualShift: null,
        range: { start: { line: 1, column: 0 }, end: { line: 5, column: 15 } }
      }
    ]);
  });

  it('counts blank lines above the magic', () => {
    const [found] = deployExtractor.extractForeignCode(
      `\n  \n%%deploy a\n${body}`
    );
    expect(found!.range!.start).toEqual({ line: 3, column: 0 });
    expect(found!.foreignCode).toBe(body);
  });

  it.each([
    '%%deploy alone',
    '%%deployment x\na = 1',
    '%deploy x\na = 1',
    'x = 1\n%%deploy a\nb = 2',
    ''
  ])('leaves %j as it is', code => {
    expect(deployExtractor.hasForeignCode(code, 'code')).toBe(false);
    expect(deployExtractor.extractForeignCode(code)).toEqual([
      { foreignCode: null, range: null, virtualShift: null, hostCode: code }
    ]);
  });

  it('gives an empty body', () => {
    const [found] = deployExtractor.extractForeignCode('%%deploy a\n');
    expect(found!.foreignCode).toBe('');
    expect(found!.range!.end).toEqual({ line: 1, column: 0 });
  });
});
