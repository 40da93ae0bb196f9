import type { IService } from '../api';

/** Whether there is something to stop. */
export function canStop(service: IService): boolean {
  return service.state !== 'Stopped' && service.state !== 'Deleting';
}

/** Whether there is an earlier revision. */
export function canRollBack(service: IService): boolean {
  return (service.revision ?? 0) > 1;
}
