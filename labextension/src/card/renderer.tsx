import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Panel, PanelLayout, Widget } from '@lumino/widgets';
import * as React from 'react';

import {
  CARD_MIME,
  type IDeployments,
  type IFixes,
  type IServiceTabs
} from '../tokens';
import { LiveCard } from './card';
import { FindingsBar } from './findings';
import { jump } from './jump';
import { type ICardData, type IPlace, readCard, readPlace } from './model';

interface IOptions {
  deployments: IDeployments;
  tabs: IServiceTabs;
  commands: CommandRegistry;
  rendermime: IRenderMimeRegistry;
  /** Applies fixes of the linter; null where nothing can be edited. */
  fixes: IFixes | null;
}

/**
 * A card in an output: what is true now, asked from the server, above what was true when the cell ran.
 *
 * The output's own JSON says only which service is meant. Everything that is shown as alive, and every action, is
 * about what the server's store has under that identity.
 */
export class CardRenderer extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly options: IOptions) {
    super();
    this.addClass('jp-mldeploy-Card');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    [...this.widgets].forEach(item => item.dispose());
    const card = readCard(
      model.data[CARD_MIME] as Parameters<typeof readCard>[0]
    );
    const receipt = this.options.rendermime.createRenderer('text/html');
    const isAlive = card !== null && card.kind !== 'plan' && card.uid !== null;
    const failed = card?.kind === 'failure';
    const place = failed ? readPlace(card.where) : null;
    if (place !== null) {
      this.addWidget(jumpBar(this, place, this.options.deployments));
    }
    if (failed && card.findings.length > 0) {
      this.addWidget(new FindingsBar(this, card.findings, this.options));
    }
    if (isAlive && !failed) {
      this.addWidget(new LiveStrip(card, this.options));
    }
    const label = this.options.deployments.trans.__('Receipt of this run');
    this.addWidget(new Fold(label, isAlive && !failed, receipt));
    // After a failure the post-mortem comes first, then what goes on serving.
    if (isAlive && failed) {
      this.addWidget(new LiveStrip(card, this.options));
    }
    if (typeof model.data['text/html'] === 'string') {
      await receipt.renderModel(model);
    } else {
      receipt.node.textContent = String(model.data['text/plain'] ?? '');
    }
  }
}

/** Return a button that goes to the line where a failure came from. */
function jumpBar(
  output: Widget,
  place: IPlace,
  deployments: IDeployments
): Widget {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'jp-mldeploy-Button';
  button.textContent = deployments.trans.__('Go to line %1', place.line);
  button.addEventListener('click', () => void jump(output, place));
  return new Widget({ node: button });
}

/** What is folded away under a heading where there is something alive above it. */
class Fold extends Widget {
  constructor(label: string, folded: boolean, content: Widget) {
    super({ node: document.createElement(folded ? 'details' : 'div') });
    this.addClass('jp-mldeploy-Receipt');
    if (folded) {
      const summary = document.createElement('summary');
      summary.textContent = label;
      this.node.append(summary);
    }
    const layout = (this.layout = new PanelLayout());
    layout.addWidget(content);
  }
}

/** The part of a card that is alive while it is on the screen. */
class LiveStrip extends ReactWidget {
  constructor(
    private readonly card: ICardData,
    private readonly options: IOptions
  ) {
    super();
    this.addClass('jp-mldeploy-LiveStrip');
  }

  override dispose(): void {
    this._watch?.dispose();
    super.dispose();
  }

  override render(): JSX.Element {
    return (
      <LiveCard
        card={this.card}
        deployments={this.options.deployments}
        tabs={this.options.tabs}
        commands={this.options.commands}
      />
    );
  }

  protected override onAfterAttach(message: Message): void {
    this._watch ??= this.options.deployments.services.watch({ look: true });
    super.onAfterAttach(message);
  }

  protected override onBeforeDetach(message: Message): void {
    this._watch?.dispose();
    this._watch = null;
    super.onBeforeDetach(message);
  }

  private _watch: IDisposable | null = null;
}
