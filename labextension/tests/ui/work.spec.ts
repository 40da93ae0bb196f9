import { nullTranslator } from '@jupyterlab/translation';

import type { IOperation, OperationKind } from '../../src/api';
import { concernsService, doing, kindText } from '../../src/ui/work';

const trans = nullTranslator.load('jupyter_mldeploy');

function operation(kind: string, ...messages: string[]): IOperation {
  return {
    kind,
    steps: messages.map(message => ({ step: 's', message }))
  } as unknown as IOperation;
}

describe('what an operation does', () => {
  it('is told by its last step, before the first one by its kind', () => {
    expect(doing(operation('replay'), trans)).toBe(
      'Sending recorded requests again…'
    );
    expect(doing(operation('deploy', 'placing', 'starting'), trans)).toBe(
      'starting'
    );
  });

  it('has words for kinds of a newer server', () => {
    expect(kindText('teleport' as OperationKind, trans)).toBe('Working…');
  });

  it('makes a service busy only when it is about one', () => {
    const kinds: OperationKind[] = ['register', 'build', 'push', 'adopt'];
    expect(kinds.filter(concernsService)).toEqual(['adopt']);
  });
});
