import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import type {
  ApiClient,
  IDeployRequest,
  Permissions,
  ServiceStore,
  StreamClient
} from './api';
import type { RequestRates } from './rates';
import type { IFrame, IPlace } from './logs/traceback';

/** Prefix of the ids of all plugins and tokens. */
export const PACKAGE = 'jupyter-mldeploy';

/** Domain of the translations. */
export const DOMAIN = 'jupyter_mldeploy';

/** The mime type of cards. */
export const CARD_MIME = 'application/vnd.mldeploy+json';

/** What every part shares: one client, one stream, one store of services. */
export interface IDeployments {
  readonly client: ApiClient;
  readonly stream: StreamClient;
  readonly services: ServiceStore;
  /** What the user may do, and why not. */
  readonly permissions: Permissions;
  /** Requests that services answer, while somebody watches. */
  readonly rates: RequestRates;
  readonly trans: TranslationBundle;
  /**
   * Show the details of a service in the main area.
   *
   * @param tab - id of the tab to open, for example `test`, `logs` or `revisions`.
   */
  show(name: string, tab?: string): void;
  /** Emitted by `show`. */
  readonly shown: ISignal<IDeployments, { name: string; tab?: string }>;
}

export const IDeployments = new Token<IDeployments>(
  `${PACKAGE}:IDeployments`,
  'The deployments of the Jupyter server: typed REST client, stream and live store.'
);

/** What a tab of a service is made with. */
export interface IServiceTabContext {
  readonly deployments: IDeployments;
  /** The service's name. */
  readonly name: string;
  /** The service's identity: a later one of the same name has another. */
  readonly uid: string;
}

/** A tab in the details of a service. */
export interface IServiceTab {
  /** Short and stable: `overview`, `test`, `logs`, `revisions`, `schema`, `code`. */
  readonly id: string;
  /** What people read; translated. */
  readonly label: string;
  /** Tabs stand in the order of their ranks: overview 0, test 10, logs 20, revisions 30, schema 40, code 50. */
  readonly rank: number;
  /**
   * Make the tab's content; called when the tab is opened for the first time. Load what is heavy here, by `import()`.
   *
   * The widget is disposed of when the service is left. It is shown and hidden as people change tabs
   * (`onAfterShow`, `onBeforeHide`), fills the tab, and scrolls by itself where it needs to.
   */
  create(context: IServiceTabContext): Promise<Widget>;
}

/** The tabs of a service's details; other extensions may add their own. */
export interface IServiceTabs {
  /** The tabs by rank. */
  readonly tabs: readonly IServiceTab[];
  readonly changed: ISignal<IServiceTabs, void>;
  add(tab: IServiceTab): IDisposable;
}

export const IServiceTabs = new Token<IServiceTabs>(
  `${PACKAGE}:IServiceTabs`,
  "The tabs of a deployed service's details."
);

/** The form that asks for what a deployment needs. */
export interface IDeployForm {
  /**
   * Open the form.
   *
   * @param request - what is known already: the source, perhaps the name and the target.
   */
  open(request: Partial<IDeployRequest>): Promise<void>;
}

export const IDeployForm = new Token<IDeployForm>(
  `${PACKAGE}:IDeployForm`,
  'The form that deploys an entry script, a notebook cell or a model file.'
);

/** A cell or file that is shown and can be edited. */
export interface IOpenPlace {
  readonly editor: CodeEditor.IEditor;
  /** Save the notebook or file. */
  save(): Promise<void>;
}

/** Shows where a line of a served script came from. */
export interface IPlaces {
  /**
   * Open the cell or file that a frame of a revision came from, its line selected.
   *
   * @returns null when it is shown, else why it cannot be.
   */
  jump(
    service: string,
    revision: number,
    frame: IFrame
  ): Promise<string | null>;
  /** Open a place that is known. */
  show(place: IPlace): Promise<string | null>;
  /** Open a place that is known, for editing; or say why it cannot be opened. */
  open(place: IPlace): Promise<IOpenPlace | string>;
}

export const IPlaces = new Token<IPlaces>(
  `${PACKAGE}:IPlaces`,
  'Shows the cell or file that a line of a served script came from.'
);

/** Applies what the linter offers to repair a finding with. */
export interface IFixes {
  /**
   * Apply a fix in an editor, to the text as it is now: it is checked anew.
   *
   * @param finding - what is to be repaired, as it was told.
   * @param title - title of the fix.
   * @returns null when it is done, else why it cannot be.
   */
  apply(
    editor: CodeEditor.IEditor,
    finding: { code: string; line: number },
    title: string
  ): Promise<string | null>;
}

export const IFixes = new Token<IFixes>(
  `${PACKAGE}:IFixes`,
  'Applies the fixes of the linter for entry scripts.'
);
