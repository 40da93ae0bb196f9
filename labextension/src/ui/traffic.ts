import type { IService } from '../api';

/** How requests are divided: version → percent; all to the live revision where there are no versions. */
export function traffic(service: IService): [string, number][] {
  const split = service.facts.traffic;
  if (split && typeof split === 'object' && !Array.isArray(split)) {
    return Object.entries(split).filter(
      (item): item is [string, number] => typeof item[1] === 'number'
    );
  }
  return service.revision === null ? [] : [[`r${service.revision}`, 100]];
}
