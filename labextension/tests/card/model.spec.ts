import { readCard, readPlace } from '../../src/card/model';

describe('readCard', () => {
  it('reads what it needs and nothing else', () => {
    const card = {
      version: 1,
      kind: 'deployment',
      service: { uid: 'u', name: 'a' },
      revision: 3,
      scoring_uri: 'x'
    };
    expect(readCard(card)).toEqual({
      kind: 'deployment',
      name: 'a',
      uid: 'u',
      revision: 3,
      where: null,
      findings: []
    });
  });

  it.each([
    undefined,
    null,
    [],
    'text',
    {},
    { kind: 'x' },
    { kind: 'x', service: [] },
    { kind: 1, service: { name: 'a' } }
  ])('takes %j for no card', value =>
    expect(readCard(value as never)).toBeNull()
  );

  it('reads findings, and leaves out what is none', () => {
    const found = readCard({
      kind: 'failure',
      service: { name: 'a' },
      findings: [
        {
          code: 'MLD301',
          severity: 'error',
          message: 'm',
          line: 4,
          path: 'cell In[2]',
          cell_id: 'x',
          fixes: ['Repair', 7]
        },
        { code: 'MLD1', severity: 'warning', message: 'm', line: 1 },
        { code: 'MLD2', severity: 'hint', message: 'm', line: 1 },
        null,
        'text'
      ]
    });
    expect(found?.findings).toEqual([
      {
        code: 'MLD301',
        message: 'm',
        place: { count: 2, cellId: null, line: 4 },
        fixes: ['Repair']
      },
      {
        code: 'MLD1',
        message: 'm',
        place: { count: null, cellId: null, line: 1 },
        fixes: []
      }
    ]);
  });

  it('has no identity where the output has none', () => {
    expect(
      readCard({ kind: 'failure', service: { name: 'a' } })?.uid
    ).toBeNull();
  });
});

describe('readPlace', () => {
  it('reads cells by count and by id', () => {
    expect(readPlace('cell In[12] line 6')).toEqual({
      count: 12,
      cellId: null,
      line: 6
    });
    expect(readPlace('cell 4f-a_1 line 7')).toEqual({
      count: null,
      cellId: '4f-a_1',
      line: 7
    });
  });

  it.each([null, 'score.py line 4', 'cell In[x line 3', 'cell In[1] line'])(
    'does not take %j for one',
    where => expect(readPlace(where)).toBeNull()
  );
});
