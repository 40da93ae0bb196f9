/** What a service records of its requests, and what sends them again. */

/** What a service records now. */
export interface IRecording {
  name: string;
  /** Share of its requests, from 0 to 1; 0 is none. */
  rate: number;
  /** What is larger, body and answer together, is left out. */
  max_bytes: number;
  /** Fields whose values are blotted out. */
  deny: string[];
  /** Recorded requests in its log. */
  total: number;
}

/** What it shall record from now on; a rate of 0 is nothing. */
export interface IRecordingRequest {
  rate: number;
  deny: string[];
  max_bytes?: number;
}

export interface IReplayRequest {
  /** Relative difference of two numbers that counts as none. */
  tolerance: number;
}
