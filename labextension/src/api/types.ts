/**
 * What the server answers, as in docs/rest-api.md. Times are epoch seconds, durations seconds, sizes bytes.
 */

import type { JSONObject, JSONValue } from '@lumino/coreutils';

export * from './operations';
export * from './profiles';
export * from './recordings';

export type State =
  | 'Transitioning'
  | 'Healthy'
  | 'Unhealthy'
  | 'Unschedulable'
  | 'Failed'
  | 'Deleting'
  | 'Stopped'
  | 'Deleted';

/** Every failure: what failed and why, and what to do. */
export interface IErrorBody {
  code: string;
  message: string;
  hint: string | null;
  cause: string | null;
  details: JSONObject;
}

/** A service as last settled. */
export interface IService {
  name: string;
  /** Tells apart services that had the same name one after the other. */
  uid: string;
  target: string;
  state: State;
  reason: string | null;
  /** Number of the live revision. */
  revision: number | null;
  /** Where requests go, as seen from the machine of the Jupyter server. */
  scoring_uri: string | null;
  /** Path on this Jupyter server under which a browser reaches the service; append `score`. */
  proxy_uri: string;
  created: number;
  updated: number;
  deleted: number | null;
  description: string | null;
  tags: Record<string, string>;
  properties: Record<string, string>;
  observed: number | null;
  /** workers, memory_bytes, restarts, expires, … */
  facts: JSONObject;
  /** Ids of operations that are running for it. */
  operations: string[];
}

export interface IServices {
  services: IService[];
  /** Number of the newest event; subscribe to events after it to miss nothing. */
  seq: number;
}

export interface IOrigin {
  notebook: string | null;
  cell_id: string | null;
  execution_count: number | null;
  path: string | null;
  /** Where the file browser has the notebook or script; null when it lies elsewhere or nobody said. */
  file: string | null;
}

export interface IRevision {
  revision: number;
  state: 'candidate' | 'live' | 'superseded' | 'failed';
  reason: string | null;
  digest: string;
  created: number;
  config: JSONObject;
  origin: IOrigin;
  facts: JSONObject;
}

export interface IRevisions {
  name: string;
  revisions: IRevision[];
}

export interface IFile {
  path: string;
  size: number;
  digest: string;
}

export interface IBundleModel {
  name: string;
  /** 0 for one that is not registered. */
  version: number;
  size: number;
  digest: string;
}

export interface IRevisionInFull extends IRevision {
  entry_script: string;
  source: string;
  /** Their texts are there where they were asked for; null for what is no text. */
  files: (IFile & { text?: string | null })[];
  models: IBundleModel[];
  environment: JSONObject;
  schema: JSONObject | null;
  /** Where the script's lines came from. */
  line_map: JSONObject | null;
}

export interface IServiceInFull extends IService {
  live: IRevision | null;
  revisions: number;
}

export interface IDifference {
  name: string;
  from: number;
  to: number;
  files: { path: string; status: string; text?: string }[];
  models: JSONObject[];
  environment: JSONObject[];
}

/** A mimebundle with application/vnd.mldeploy+json, text/html and text/plain. */
export type MimeBundle = JSONObject;

export interface IFinding {
  code: string;
  severity: 'error' | 'warning' | 'info' | 'hint';
  /** One sentence: what fails, when, and what to do. */
  message: string;
  /** From 1. */
  line: number;
  /** From 0, in code points. */
  column: number;
  end_line: number;
  end_column: number;
  /** Ways to repair it, the best one first. */
  fixes?: IFix[];
  docs_url?: string | null;
  cell_id?: string | null;
  path?: string | null;
}

/** A way to repair what a finding reports. */
export interface IFix {
  title: string;
  /** The script does the same afterwards, only without the fault. */
  safe: boolean;
  edits: IEdit[];
}

/** A stretch of text to replace; positions as in findings. */
export interface IEdit {
  line: number;
  column: number;
  end_line: number;
  end_column: number;
  new_text: string;
}

export interface IFindings {
  diagnostics: IFinding[];
  milliseconds: number;
  /** The names that the texts in `cells` bind. */
  cell_names: string[] | null;
}

/** A rule of the linter. */
export interface IRule {
  code: string;
  name: string;
  severity: IFinding['severity'];
  summary: string;
  /** Markdown. */
  page: string;
}

export interface IPlanStep {
  action: 'create' | 'change' | 'keep' | 'replace' | 'delete';
  what: string;
  detail: string;
}

/** What a deployment would do; nothing was created. */
export interface IPlan {
  service: string;
  target: string;
  revision: number;
  bundle: string;
  steps: IPlanStep[];
  findings: IFinding[];
  environment: JSONObject;
  /** What was given and has no effect. */
  notes: string[];
  card: MimeBundle;
}

export interface IKeys {
  primary: string;
  secondary: string;
}

/** A body: exactly one of the three is not null. */
export interface IContent {
  json: JSONValue;
  text: string | null;
  base64: string | null;
}

/** What a service answered to a test request, whatever the status. */
export interface IInvocation {
  status: number;
  headers: Record<string, string>;
  /** From sending to the last byte, without the way through Jupyter. */
  seconds: number;
  size: number;
  truncated: boolean;
  body: IContent;
  /** Log lines of this request when it failed. */
  explanation: string[];
}

export interface ILogLine {
  time: number | null;
  text: string;
  source: string;
  revision: number | null;
  level: string;
}

export interface ILog {
  name: string;
  uid: string;
  lines: ILogLine[];
  cursor: string;
  /** The service was deleted, and nothing will follow. */
  ended: boolean;
}

export interface IEvent {
  seq: number;
  time: number;
  kind: string;
  service: string | null;
  service_uid: string | null;
  revision: number | null;
  message: string;
  data: JSONObject;
}

export interface ITarget {
  name: string;
  title?: string | null;
  summary?: string | null;
  /** It can be used here and now. */
  available: boolean;
  reason?: string | null;
  hint?: string | null;
  /** This Jupyter server may deploy to it. */
  allowed: boolean;
  /** What it can do; `why_not` has the reason for what it cannot. */
  capabilities?: JSONObject | null;
  /** JSON schema of its configuration. */
  configuration?: JSONObject | null;
  /** What a profile there can limit; null where its services cannot be measured. */
  profiles?: { cpu: boolean; memory_gb: boolean } | null;
}

export interface IModel {
  id: string;
  name: string;
  version: number;
  size: number;
  digest: string;
}

export interface IRegisteredEnvironment {
  name: string;
  version: string;
  digest: string;
  created: string;
}

export interface ICode {
  label: string;
  text: string;
}

/** Where the entry script comes from: exactly one of path, text and notebook. */
export interface ISource {
  path?: string;
  source_directory?: string;
  text?: string;
  name?: string;
  files?: Record<string, string>;
  notebook?: string;
  cell_id?: string;
}

export interface IDeployRequest {
  name: string;
  source: ISource;
  target?: string | null;
  models?: string[] | null;
  environment?: string | null;
  config?: JSONObject;
  pip?: string[] | null;
  kernel?: string | null;
  force?: boolean;
  timeout_s?: number;
}

export type IUpdateRequest = Partial<
  Pick<
    IDeployRequest,
    'source' | 'models' | 'environment' | 'config' | 'force' | 'timeout_s'
  >
>;

/** A test request: at most one of payload, text and base64; with none, the schema's sample. */
export interface IInvokeRequest {
  payload?: JSONValue;
  text?: string;
  base64?: string;
  content_type?: string;
  headers?: Record<string, string>;
  timeout_s?: number;
}

/** A request to write code for; without text it is bytes, which the code reads from a file. */
export interface ICodeRequest {
  text?: string;
  content_type?: string;
  headers?: Record<string, string>;
  /** Address of this Jupyter server, to go through it. */
  jupyter_url?: string;
}

export interface ILintRequest {
  text?: string;
  path?: string;
  kind?: 'auto' | 'script' | 'cell' | 'batch';
  /** Names that the notebook's other cells bind; or `cells`, the texts of those cells. */
  cell_names?: string[];
  cells?: string[];
  server?: 'mldeploy' | 'azureml';
}

export interface IModelRequest {
  path: string;
  name: string;
  description?: string;
  tags?: Record<string, string>;
  properties?: Record<string, string>;
  framework?: string;
  framework_version?: string;
}
