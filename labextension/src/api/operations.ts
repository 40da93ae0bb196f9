/** Long work of the server, as its REST API shows it. */

import type { JSONObject } from '@lumino/coreutils';

import type { IErrorBody, MimeBundle } from './types';

export interface IStep {
  step: string;
  message: string;
  /** Seconds after the operation's start. */
  began: number;
  /** How long it took; null while it goes on. */
  seconds: number | null;
}

/** What long work is about; a test compares it with what the server has. */
export type OperationKind =
  | 'deploy'
  | 'update'
  | 'rollback'
  | 'promote'
  | 'start'
  | 'stop'
  | 'delete'
  | 'register'
  | 'traffic'
  | 'build'
  | 'push'
  | 'profile'
  | 'record'
  | 'replay'
  | 'adopt';

/** Long work. */
export interface IOperation {
  id: string;
  /** Grows with every change. */
  version: number;
  kind: OperationKind;
  /** The service's name; for `register` the model's, for `build` and `push` the image's. */
  service: string;
  /** `interrupted`: the server that ran it ended before it did; `error` says what became of the service. */
  state: 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';
  cancelling: boolean;
  created: number;
  steps: IStep[];
  error: IErrorBody | null;
}

export interface IOperationInFull extends IOperation {
  result: JSONObject | null;
  card: MimeBundle | null;
}
