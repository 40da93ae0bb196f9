import type { IVersion } from '../../src/api';
import { read } from '../../src/traffic/shares';

const version = (
  name: string,
  weight: number,
  isDefault = false
): IVersion => ({
  name,
  service: `svc-${name}`,
  weight,
  mirror: 0,
  default: isDefault,
  figures: null
});
const three = [
  version('r1', 70, true),
  version('green', 20),
  version('red', 10)
];

describe('shares', () => {
  it('leaves the rest to the default', () => {
    expect(read(three, { green: '45.5' })).toEqual({
      shares: { green: 45.5, red: 10 },
      rest: 44.5,
      wrong: [],
      tooMuch: false,
      changed: true
    });
  });

  it('knows when nothing was changed', () => {
    expect(read(three, { green: '20' }).changed).toBe(false);
  });

  it('names what is no percentage, and more than 100 together', () => {
    expect(read(three, { green: '' }).wrong).toEqual(['green']);
    expect(read(three, { green: '-1', red: 'x' }).wrong).toEqual([
      'green',
      'red'
    ]);
    expect(read(three, { green: '95' }).tooMuch).toBe(true);
  });
});
