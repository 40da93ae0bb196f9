import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';

import { describe } from '../api';
import type { IPlaces, IServiceTabContext } from '../tokens';
import { LogBar } from './bar';
import { FROM_START, save, wholeLog } from './download';
import { FilteredLog } from './filter';
import { LogList } from './list';
import { LogStore } from './store';

/** Lines that a log begins with. */
const FIRST_LINES = 5_000;
/** Milliseconds of a frame that the search may take. */
const SLICE_MS = 8;

/** The Logs tab of a service: follow, filter, download, jump to where a line came from. */
export class LogPanel extends Widget {
  constructor(
    private readonly context: IServiceTabContext,
    private readonly places: IPlaces | null,
    store = new LogStore()
  ) {
    super();
    this.addClass('jp-mldeploy-Tab');
    this.addClass('jp-mldeploy-Logs');
    const { trans } = context.deployments;
    this.store = store;
    this.rows = new FilteredLog(store);
    this.list = new LogList(this.rows, trans);
    this.bar = new LogBar(trans);
    const layout = new PanelLayout();
    layout.addWidget(this.bar);
    layout.addWidget(this.list);
    this.layout = layout;
    this.bar.filterChanged.connect((_, filter) => {
      this.rows.set(filter);
      this._search();
    }, this);
    this.bar.followAsked.connect((_, follow) => {
      this.list.follow = follow;
    }, this);
    this.bar.downloadAsked.connect(() => void this._download(), this);
    this.bar.startAsked.connect(() => this._fromStart(), this);
    this.list.followChanged.connect((_, follow) => {
      this.bar.follow = follow;
    }, this);
    this.list.frameChosen.connect(async (_, { row, frame }) => {
      const live = context.deployments.services.find(context.name)?.revision;
      const revision = row.revision ?? live ?? 1;
      const failure = await this.places?.jump(context.name, revision, frame);
      this.bar.say(failure ?? '');
    }, this);
    this._begin({ limit: FIRST_LINES });
  }

  readonly store: LogStore;
  readonly rows: FilteredLog;
  readonly list: LogList;
  readonly bar: LogBar;

  override dispose(): void {
    if (!this.isDisposed) {
      this._subscription?.dispose();
      this._downloading?.abort();
      super.dispose();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._search();
  }

  private _begin(from: { limit?: number; cursor?: string }): void {
    const { deployments, name, uid } = this.context;
    const { trans } = deployments;
    this._subscription?.dispose();
    this._subscription = deployments.stream.logs(
      { service: name, uid, ...from },
      {
        onMessage: message => {
          this.store.append(message.lines);
          this._search();
        },
        onError: error => this.bar.say(describe(error)),
        onEnded: () =>
          this.bar.say(
            trans.__('The service was deleted; nothing will follow.')
          )
      }
    );
  }

  /** Look for rows that the filter lets through, a slice a frame. */
  private _search(): void {
    if (this._searching || this.isDisposed) {
      return;
    }
    this._searching = true;
    const step = (): void => {
      if (this.isDisposed) {
        return;
      }
      const complete = this.rows.advance(SLICE_MS);
      this.bar.count(this.rows.size, this.store.size, complete);
      this.list.refresh();
      if (complete) {
        this._searching = false;
      } else {
        window.setTimeout(step, 0);
      }
    };
    window.requestAnimationFrame(step);
  }

  private _fromStart(): void {
    this.store.clear();
    this.rows.restart();
    this.list.follow = false;
    this._begin({ cursor: FROM_START });
    this.bar.say('');
  }

  private async _download(): Promise<void> {
    const { deployments, name, uid } = this.context;
    const { trans, client } = deployments;
    this._downloading?.abort();
    const controller = new AbortController();
    this._downloading = controller;
    this.bar.say(trans.__('Reading the log …'));
    try {
      const blob = await wholeLog(client, name, uid, controller.signal, lines =>
        this.bar.say(trans.__('%1 lines read …', lines))
      );
      if (!controller.signal.aborted) {
        save(blob, `${name}.log`);
        this.bar.say(trans.__('Saved as %1.', `${name}.log`));
      }
    } catch (error) {
      this.bar.say(describe(error));
    }
  }

  private _subscription: IDisposable | null = null;
  private _downloading: AbortController | null = null;
  private _searching = false;
}
