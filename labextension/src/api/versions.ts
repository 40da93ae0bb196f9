/** What the router counted of a version since the requests were last divided anew. */
export interface IVersionFigures {
  requests: number;
  errors: number;
  mirrored: number;
  mirror_errors: number;
  error_rate: number;
  p50_ms: number | null;
  p95_ms: number | null;
}

/** One version of an endpoint; shares in percent. */
export interface IVersion {
  name: string;
  service: string;
  weight: number;
  mirror: number;
  default: boolean;
  figures: IVersionFigures | null;
}

/** How requests are divided; no versions while one revision gets all of them. */
export interface ITraffic {
  name: string;
  versions: IVersion[];
}
