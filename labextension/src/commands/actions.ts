import {
  Clipboard,
  Dialog,
  Notification,
  showDialog
} from '@jupyterlab/apputils';

import { Widget } from '@lumino/widgets';

import {
  describe,
  forgettable,
  type IOperation,
  type IOperationInFull,
  type IService
} from '../api';
import type { IDeployments } from '../tokens';

/** Milliseconds after which work that goes on is told to be going on. */
const PENDING_MS = 400;

/** What a failure's notification says instead, and what it offers. */
interface IWayOut {
  message: string;
  actions: Notification.IAction[];
}

/** What people can do to a service; each shows a notification that follows the work to its end. */
export class Actions {
  constructor(private readonly deployments: IDeployments) {}

  async start(service: IService): Promise<void> {
    const { client, trans } = this.deployments;
    await this.follow(
      () => client.start(service.name),
      trans.__('Starting %1…', service.name),
      trans.__('%1 is started.', service.name)
    );
  }

  async stop(service: IService): Promise<void> {
    const { client, trans } = this.deployments;
    await this.follow(
      () => client.stop(service.name),
      trans.__('Stopping %1…', service.name),
      trans.__(
        '%1 is stopped. Its keys, logs and revisions stay.',
        service.name
      )
    );
  }

  /** Serve an earlier revision again; without `to` the one that was live before the present one. */
  async rollback(service: IService, to: number | null = null): Promise<void> {
    const { client, trans } = this.deployments;
    await this.follow(
      () => client.rollback(service.name, to),
      to === null
        ? trans.__('Rolling %1 back…', service.name)
        : trans.__('Rolling %1 back to revision %2…', service.name, to),
      trans.__('%1 is rolled back.', service.name)
    );
  }

  async delete(service: IService): Promise<void> {
    const { client, trans } = this.deployments;
    const result = await showDialog({
      title: trans.__('Delete %1?', service.name),
      body: trans.__(
        'Requests will fail from then on. Logs and history stay readable.'
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Delete') })
      ]
    });
    if (result.button.accept) {
      await this.follow(
        () => client.deleteService(service.name),
        trans.__('Deleting %1…', service.name),
        trans.__('%1 is deleted.', service.name),
        error => this._wayOut(service, error)
      );
    }
  }

  /** Take a service off the list whose target cannot be asked to remove it, after saying what that leaves behind. */
  async forget(service: IService, reason: unknown): Promise<void> {
    const { client, trans } = this.deployments;
    const { name } = service;
    const way = forgettable(reason);
    const body = document.createElement('div');
    for (const text of [
      [reason instanceof Error ? reason.message : '', way?.hint ?? ''].join(
        ' '
      ),
      trans.__(
        'Its record is taken off the list, and whatever it runs is left alone: it may go on serving, and costing.'
      ),
      way?.remains ?? ''
    ].filter(Boolean)) {
      body.appendChild(document.createElement('p')).textContent = text;
    }
    const content = new Widget({ node: body });
    content.addClass('jp-mldeploy-Forget');
    const result = await showDialog({
      title: trans.__('Remove %1 from the list only?', name),
      body: content,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Remove from the List') })
      ],
      defaultButton: 0
    });
    if (result.button.accept) {
      await this.follow(
        () => client.deleteService(name, true),
        trans.__('Removing %1 from the list…', name),
        // A step says so; there is none when the target could be asked after all. What remains comes first: a
        // notification shows the beginning of its text.
        ({ steps }) =>
          steps.some(({ step }) => step === 'forget')
            ? trans.__('%1 is off the list. %2', name, way?.remains ?? '')
            : trans.__('%1 is deleted.', name)
      );
    }
  }

  async cancel(operation: string): Promise<void> {
    try {
      await this.deployments.client.cancel(operation);
    } catch (error) {
      Notification.error(describe(error), { autoClose: 8000 });
    }
  }

  copyUri(service: IService): void {
    const { trans } = this.deployments;
    if (service.scoring_uri) {
      Clipboard.copyToSystem(service.scoring_uri);
      Notification.info(
        trans.__('The scoring URI of %1 is copied.', service.name),
        { autoClose: 3000 }
      );
    }
  }

  /**
   * Begin long work and show how it ends; a failure is told, not thrown.
   *
   * @param success - what to tell; what is made of the operation stays until it is closed.
   * @param wayOut - what a failure's notification says and offers besides.
   */
  async follow(
    begin: () => Promise<IOperation>,
    pending: string,
    success: string | ((done: IOperationInFull) => string),
    wayOut: (error: unknown) => IWayOut | null = () => null
  ): Promise<void> {
    const { client, services, trans } = this.deployments;
    const begun = begin();
    const work = (async (): Promise<IOperationInFull> => {
      try {
        return await client.finished(await begun);
      } finally {
        await services.refresh();
      }
    })();
    // What ends at once is told once.
    const ended = await Promise.race([
      work.then(
        () => true,
        () => true
      ),
      new Promise<false>(resolve =>
        window.setTimeout(() => resolve(false), PENDING_MS)
      )
    ]);
    const cancel: Notification.IAction = {
      label: trans.__('Cancel'),
      caption: trans.__('Give it up at its next step'),
      // The notification stays until the work has ended.
      callback: event => {
        event.preventDefault();
        // At once, or as soon as the server has said which work this is.
        void begun.then(
          ({ id: operation }) => this.cancel(operation),
          () => undefined
        );
      }
    };
    const id = ended
      ? null
      : Notification.emit(pending, 'in-progress', {
          autoClose: false,
          actions: [cancel]
        });
    const tell = (
      type: 'success' | 'error',
      message: string,
      autoClose: number | false,
      actions: Notification.IAction[] = []
    ): void => {
      if (id !== null && isOnScreen(pending)) {
        Notification.update({ id, type, message, autoClose, actions });
        return;
      }
      // A toast that is changed before it is on the screen keeps its first text, and a page's first one takes seconds
      // on a busy machine; where people have switched toasts off there is none.
      if (id !== null) {
        Notification.dismiss(id);
      }
      Notification.emit(message, type, { autoClose, actions });
    };
    await work.then(
      done =>
        typeof success === 'string'
          ? tell('success', success, 4000)
          : tell('success', success(done), false),
      error => {
        const way = wayOut(error);
        tell('error', way?.message ?? describe(error), false, way?.actions);
      }
    );
  }

  private _wayOut(service: IService, error: unknown): IWayOut | null {
    const { trans } = this.deployments;
    const way = forgettable(error);
    return way === null
      ? null
      : {
          message: [(error as Error).message, way.hint]
            .filter(Boolean)
            .join(' '),
          actions: [
            {
              label: trans.__('Remove from the List Only…'),
              caption: trans.__(
                'Forget the service; what it runs at its target is left alone'
              ),
              callback: () => void this.forget(service, error)
            }
          ]
        };
  }
}

/** Whether a toast with a text is on the screen. */
function isOnScreen(text: string): boolean {
  return [...document.querySelectorAll('.Toastify__toast')].some(toast =>
    toast.textContent?.includes(text)
  );
}
