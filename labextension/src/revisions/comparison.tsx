import { MainAreaWidget } from '@jupyterlab/apputils';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import { PanelLayout, Widget } from '@lumino/widgets';
import React from 'react';

import { type IRevisionInFull, describe } from '../api';
import type { IDeployments } from '../tokens';
import { deployIcon } from '../ui/icons';
import { TextComparison } from './merge';
import { type Side, textOf } from './texts';

const MIMES: Record<Side, string> = {
  code: 'text/x-ipython',
  environment: 'text/plain',
  files: 'text/plain',
  schema: 'application/json'
};

interface IOptions {
  deployments: IDeployments;
  name: string;
  from: number;
  to: number;
  languages: IEditorLanguageRegistry | null;
}

/** Return a comparison, ready for the main area. */
export function comparisonTab(options: IOptions): MainAreaWidget<Comparison> {
  const content = new Comparison(options);
  const tab = new MainAreaWidget({ content });
  tab.id = `jp-mldeploy-compare-${options.name}-${options.from}-${options.to}`;
  tab.title.label = `${options.name} ${options.from} ↔ ${options.to}`;
  tab.title.caption = content.caption;
  tab.title.icon = deployIcon;
  tab.title.closable = true;
  return tab;
}

/** Two revisions of a service side by side: code, environment, files, schema. */
export class Comparison extends Widget {
  constructor(private readonly options: IOptions) {
    super();
    this.addClass('jp-mldeploy-Tab');
    this.addClass('jp-mldeploy-Comparison');
    const layout = new PanelLayout();
    this.layout = layout;
    layout.addWidget(new ComparisonBar(this));
    void this._load();
  }

  readonly changed = new Signal<this, void>(this);

  get trans(): IDeployments['trans'] {
    return this.options.deployments.trans;
  }

  get caption(): string {
    const { name, from, to } = this.options;
    return this.trans.__('%1: revision %2 and revision %3', name, from, to);
  }

  get side(): Side {
    return this._side;
  }

  /** Why there is nothing to see, or an empty text. */
  get said(): string {
    return this._said;
  }

  /** Whether the revisions differ on a side; null while that is not known. */
  differs(side: Side): boolean | null {
    return this._revisions === null
      ? null
      : textOf(this._revisions[0], side) !== textOf(this._revisions[1], side);
  }

  choose(side: Side): void {
    this._side = side;
    this._draw();
  }

  private async _load(): Promise<void> {
    const { deployments, name, from, to } = this.options;
    const { client } = deployments;
    try {
      this._revisions = await Promise.all([
        client.revision(name, from, { schema: true, texts: true }),
        client.revision(name, to, { schema: true, texts: true })
      ]);
    } catch (error) {
      this._said = describe(error);
    }
    if (!this.isDisposed) {
      const sides: Side[] = ['code', 'environment', 'files', 'schema'];
      this._side = sides.find(side => this.differs(side)) ?? 'code';
      this._draw();
    }
  }

  private _draw(): void {
    this._shown?.dispose();
    this._shown = null;
    if (this._revisions !== null) {
      const [before, after] = this._revisions;
      const { trans } = this;
      this._shown = new TextComparison(
        {
          before: textOf(before, this._side),
          after: textOf(after, this._side),
          mime: MIMES[this._side],
          beforeLabel: trans.__('Revision %1', before.revision),
          afterLabel: trans.__('Revision %1', after.revision)
        },
        this.options.languages
      );
      (this.layout as PanelLayout).addWidget(this._shown);
    }
    this.changed.emit();
  }

  private _revisions: [IRevisionInFull, IRevisionInFull] | null = null;
  private _shown: TextComparison | null = null;
  private _side: Side = 'code';
  private _said = '';
}

class ComparisonBar extends ReactWidget {
  constructor(private readonly comparison: Comparison) {
    super();
  }

  protected override render(): JSX.Element {
    const { comparison } = this;
    const { trans } = comparison;
    const sides: [Side, string][] = [
      ['code', trans.__('Code')],
      ['environment', trans.__('Environment')],
      ['files', trans.__('Files')],
      ['schema', trans.__('Schema')]
    ];
    return (
      <UseSignal signal={comparison.changed}>
        {() => (
          <div className="jp-mldeploy-Row">
            <strong>{comparison.caption}</strong>
            <fieldset className="jp-mldeploy-Modes">
              <legend className="jp-mldeploy-hidden">
                {trans.__('What to compare')}
              </legend>
              {sides.map(([side, label]) => (
                <label key={side} data-selected={comparison.side === side}>
                  <input
                    type="radio"
                    name={`side-${comparison.id}`}
                    checked={comparison.side === side}
                    onChange={() => comparison.choose(side)}
                  />
                  {label}
                  {comparison.differs(side) === false &&
                    ` ${trans.__('(same)')}`}
                </label>
              ))}
            </fieldset>
            <span role="status">{comparison.said}</span>
          </div>
        )}
      </UseSignal>
    );
  }
}
