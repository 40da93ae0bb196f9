/** A small, bounded burst of equal requests. */

/** What a burst may be at most: enough for a p95, no load test. */
export const MOST_REQUESTS = 500;
export const MOST_AT_ONCE = 16;

export interface IBurst {
  /** Seconds of the requests that were answered with 2xx, in the order in which they ended. */
  seconds: number[];
  /** Requests that failed, by status or, where none came, by message. */
  failures: Map<string, number>;
  /** Requests that have ended. */
  done: number;
}

export interface IBurstOptions {
  requests: number;
  atOnce: number;
  /** Sends one request; rejects when there was no answer. */
  send: (signal: AbortSignal) => Promise<{ status: number; seconds: number }>;
  signal: AbortSignal;
  onProgress?: (burst: IBurst) => void;
}

/** Run a burst; resolves with what was measured, also when it was given up in the middle. */
export async function runBurst(options: IBurstOptions): Promise<IBurst> {
  const { send, signal, onProgress } = options;
  const requests = Math.min(
    MOST_REQUESTS,
    Math.max(1, Math.floor(options.requests))
  );
  const atOnce = Math.min(
    MOST_AT_ONCE,
    requests,
    Math.max(1, Math.floor(options.atOnce))
  );
  const burst: IBurst = { seconds: [], failures: new Map(), done: 0 };
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < requests && !signal.aborted) {
      begun += 1;
      let failure: string | null = null;
      try {
        const { status, seconds } = await send(signal);
        if (status >= 200 && status < 300) {
          burst.seconds.push(seconds);
        } else {
          failure = String(status);
        }
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
      if (signal.aborted) {
        return;
      }
      if (failure !== null) {
        burst.failures.set(failure, (burst.failures.get(failure) ?? 0) + 1);
      }
      burst.done += 1;
      onProgress?.(burst);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return burst;
}
