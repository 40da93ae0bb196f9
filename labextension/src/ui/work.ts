import type { TranslationBundle } from '@jupyterlab/translation';

import type { IOperation, OperationKind } from '../api';

/** Whether an operation is about a service; the others are about a model or an image, whose names are their own. */
export function concernsService(kind: OperationKind): boolean {
  return kind !== 'register' && kind !== 'build' && kind !== 'push';
}

/** Return what an operation is doing: its last step in the server's words, before the first one what it is for. */
export function doing(operation: IOperation, trans: TranslationBundle): string {
  return operation.steps.at(-1)?.message ?? kindText(operation.kind, trans);
}

/** Return what work of a kind does, such as “Deploying…”. */
export function kindText(
  kind: OperationKind,
  trans: TranslationBundle
): string {
  // A record of all kinds: one that is added to the type has to be given its words here.
  const texts: Record<OperationKind, string> = {
    deploy: trans.__('Deploying…'),
    update: trans.__('Updating…'),
    rollback: trans.__('Rolling back…'),
    promote: trans.__('Promoting to another target…'),
    start: trans.__('Starting…'),
    stop: trans.__('Stopping…'),
    delete: trans.__('Deleting…'),
    register: trans.__('Registering the model…'),
    traffic: trans.__('Dividing the requests…'),
    build: trans.__('Building the image…'),
    push: trans.__('Pushing the image…'),
    profile: trans.__('Measuring a profile…'),
    record: trans.__('Changing the recording of requests…'),
    replay: trans.__('Sending recorded requests again…'),
    adopt: trans.__('Taking the service over…')
  };
  // A newer server may have kinds that this page does not know.
  return texts[kind] ?? trans.__('Working…');
}
