import { fixed } from '../../src/deploy/repair';
import { closest } from '../../src/fixes/fixes';

const title = String('repair');

const found = (code: string, line: number, ...titles: string[]) => ({
  finding: { code, line, fixes: titles.map(title => ({ title })) }
});

describe('closest', () => {
  it('is the finding of the rule with that fix, nearest to where it was', () => {
    const all = [
      found('A', 1, 'repair'),
      found('A', 9, 'repair'),
      found('A', 10),
      found('B', 10, 'repair')
    ];
    expect(closest(all, { code: 'A', line: 10 }, 'repair')).toBe(all[1]);
    expect(closest(all, { code: 'A', line: 2 }, 'repair')).toBe(all[0]);
  });

  it('is nothing when the fault is gone', () => {
    expect(
      closest([found('A', 1)], { code: 'A', line: 1 }, 'repair')
    ).toBeUndefined();
  });
});

describe('fixed', () => {
  it('applies all edits to the text that was checked', () => {
    const edit = (line: number, column: number, end: number, text: string) => ({
      line,
      column,
      end_line: line,
      end_column: end,
      new_text: text
    });
    expect(
      fixed('a = "😀"; b\nc\n', {
        title,
        safe: true,
        edits: [edit(1, 9, 10, 'x'), edit(2, 0, 0, 'y = ')]
      })
    ).toBe('a = "😀"; x\ny = c\n');
  });
});
