import type { Text } from '@codemirror/state';

import type { ApiClient, ILintRequest } from '../api';
import { type IShownFinding, shown } from './finding';

/** Where a text comes from. */
export type Origin =
  | {
      readonly kind: 'cell';
      /** Path of the notebook on the Jupyter server; undefined when it is elsewhere. */
      readonly path: string | undefined;
      /** Texts of the notebook's ordinary code cells. */
      readonly others: readonly string[];
      /** The notebook: what is remembered about its cells is forgotten with it. */
      readonly notebook: object;
    }
  | { readonly kind: 'file'; readonly path: string };

/** A text has changed while it was checked, so nobody wants the answer any more. */
export class Superseded extends Error {}

/** Names that a notebook's cells bind, and the texts of those cells. */
interface IKnownNames {
  readonly texts: string;
  readonly names: string[];
}

const SCRIPT = /\bdef\s+(?:run|init)\b|azureml|inference_schema/;

/** Asks the server about texts: one request a text, the newest one. */
export class Checks {
  constructor(private readonly client: ApiClient) {}

  /**
   * Check a text.
   *
   * @param key - stands for the text; a newer check of the same one gives the older one up.
   * @throws Superseded when that happened; ApiError when the server cannot say.
   */
  async check(
    key: object,
    doc: Text,
    origin: Origin
  ): Promise<IShownFinding[]> {
    this.running.get(key)?.abort();
    const text = doc.toString();
    if (!this.worthwhile(text, origin)) {
      return [];
    }
    const controller = new AbortController();
    this.running.set(key, controller);
    try {
      const request = this.request(text, origin);
      const answer = await this.client.lint(request, controller.signal);
      if (controller.signal.aborted) {
        throw new Superseded();
      }
      if (origin.kind === 'cell' && answer.cell_names !== null) {
        const texts = origin.others.join('\0');
        this.names.set(origin.notebook, { texts, names: answer.cell_names });
      }
      return answer.diagnostics.map(finding => shown(finding, doc));
    } catch (error) {
      throw controller.signal.aborted ? new Superseded() : error;
    } finally {
      if (this.running.get(key) === controller) {
        this.running.delete(key);
      }
    }
  }

  /** Give up what is asked about a text. */
  drop(key: object): void {
    this.running.get(key)?.abort();
    this.running.delete(key);
  }

  /** Whether the cells around have changed since they were last told to the server. */
  outdated(origin: Origin): boolean {
    return (
      origin.kind === 'cell' &&
      this.names.get(origin.notebook)?.texts !== origin.others.join('\0')
    );
  }

  private worthwhile(text: string, origin: Origin): boolean {
    return (
      origin.kind === 'cell' ||
      !origin.path.endsWith('.py') ||
      SCRIPT.test(text)
    );
  }

  private request(text: string, origin: Origin): ILintRequest {
    if (origin.kind === 'file') {
      return { text, path: origin.path, kind: 'auto' };
    }
    const known = this.names.get(origin.notebook);
    return {
      text,
      kind: 'cell',
      ...(origin.path === undefined ? {} : { path: origin.path }),
      // The cells themselves only go over the wire when they have changed.
      ...(known === undefined || this.outdated(origin)
        ? { cells: [...origin.others] }
        : { cell_names: known.names })
    };
  }

  private readonly running = new Map<object, AbortController>();
  private readonly names = new WeakMap<object, IKnownNames>();
}
