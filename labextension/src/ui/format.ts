import type { TranslationBundle } from '@jupyterlab/translation';

/** Return seconds as one short figure: `38 ms`, `1.2 s`, `4 min`, `3 h`, `12 d`. */
export function duration(seconds: number, trans: TranslationBundle): string {
  if (seconds < 1) {
    return trans.__('%1 ms', Math.round(seconds * 1000));
  }
  if (seconds < 10) {
    return trans.__('%1 s', seconds.toFixed(1));
  }
  if (seconds < 60) {
    return trans.__('%1 s', Math.round(seconds));
  }
  if (seconds < 3600) {
    return trans.__('%1 min', Math.floor(seconds / 60));
  }
  if (seconds < 48 * 3600) {
    return trans.__('%1 h', Math.floor(seconds / 3600));
  }
  return trans.__('%1 d', Math.floor(seconds / 86400));
}

/** Return how long ago a moment was; `now` in epoch seconds. */
export function age(
  since: number,
  now: number,
  trans: TranslationBundle
): string {
  const seconds = Math.max(0, now - since);
  return seconds < 5
    ? trans.__('just now')
    : trans.__('%1 ago', whole(seconds, trans));
}

/** Return how long something has still to live, or null when it has no end. */
export function remaining(
  expires: unknown,
  now: number,
  trans: TranslationBundle
): string | null {
  if (typeof expires !== 'number') {
    return null;
  }
  const seconds = Math.floor(expires - now);
  return seconds <= 0
    ? trans.__('ends now')
    : trans.__('ends in %1', whole(seconds, trans));
}

/** Return seconds without a fraction: nobody wants to know that something is 7.0 s old. */
function whole(seconds: number, trans: TranslationBundle): string {
  return seconds < 60
    ? trans.__('%1 s', Math.floor(seconds))
    : duration(seconds, trans);
}

/** Return bytes for people. */
export function bytes(count: number): string {
  let value = count;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024) {
      return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
    }
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}

/** Return the moment in the reader's own time and form. */
export function moment(epoch: number): string {
  return new Date(epoch * 1000).toLocaleString();
}
