/** What is asked of a profile, and what it finds; GiB, cores and milliseconds. */

export interface IProfileRequest {
  /** Bodies; texts are sent as JSON. */
  requests: string[];
  target: string;
  cpu?: number;
  memory_gb?: number;
  /** Rate that the recommendation has to reach. */
  requests_per_second?: number;
  /** Longest time for everything, in seconds. */
  timeout_s: number;
}

/** One run: its limits (null: none), its load, and what came of it. */
export interface IProfileRun {
  cpu: number | null;
  memory_gb: number | null;
  connections: number;
  qps: number;
  p50_ms: number;
  p95_ms: number;
  cpu_used: number;
  memory_used_gb: number;
  failed: number;
  error: string;
}

/** The result of an operation of the kind `profile`; most keys are those of Azure ML's `Model.profile`. */
export interface IProfile {
  state: 'Succeeded' | 'Failed';
  error: { message: string } | null;
  target: string;
  maxUtilizedCpu: number | null;
  maxUtilizedMemoryInGB: number | null;
  totalQueries: number;
  /** Percent. */
  successRate: number;
  measuredQueriesPerSecond: number;
  /** Null when nothing can be said. */
  recommendedCpu: number | null;
  recommendedMemoryInGB: number | null;
  runs: IProfileRun[];
  notes: string[];
}
