import type { IOperation, OperationKind } from '../api';

/** Return the last operation of a kind for a service that the server still knows; it may be running. */
export function lastOperation(
  operations: readonly IOperation[],
  kind: OperationKind,
  service: string,
  since: number
): IOperation | null {
  return operations
    .filter(
      item =>
        item.kind === kind && item.service === service && item.created >= since
    )
    .reduce<IOperation | null>(
      (last, item) => (last && last.created >= item.created ? last : item),
      null
    );
}
