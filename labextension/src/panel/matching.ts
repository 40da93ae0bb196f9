import type { IService } from '../api';

/** Return the services that have every word of the filter somewhere. */
export function matching(
  services: readonly IService[],
  filter: string
): readonly IService[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    return services;
  }
  return services.filter(item => {
    const text = [
      item.name,
      item.target,
      item.state,
      ...Object.entries(item.tags).map(pair => pair.join('='))
    ]
      .join(' ')
      .toLowerCase();
    return words.every(word => text.includes(word));
  });
}
