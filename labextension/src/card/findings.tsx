import { ReactWidget } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';
import * as React from 'react';

import type { IDeployments, IFixes } from '../tokens';
import { TextButton } from '../ui/buttons';
import { jump } from './jump';
import type { ICardFinding } from './model';

/** What the linter said about a script that was not deployed: to its line, and the fixes as buttons. */
export class FindingsBar extends ReactWidget {
  constructor(
    private readonly output: Widget,
    private readonly findings: readonly ICardFinding[],
    private readonly options: {
      deployments: IDeployments;
      fixes: IFixes | null;
    }
  ) {
    super();
    this.addClass('jp-mldeploy-FindingsBar');
  }

  override render(): JSX.Element {
    const { fixes } = this.options;
    const { trans } = this.options.deployments;
    return (
      <>
        <ul
          className="jp-mldeploy-List"
          aria-label={trans.__('Findings in the entry script')}
        >
          {this.findings.map((finding, at) => (
            <li key={at} className="jp-mldeploy-Row">
              <TextButton
                label={trans.__('Go to line %1', finding.place.line)}
                title={finding.message}
                run={() => void jump(this.output, finding.place)}
              />
              <code>{finding.code}</code>
              {fixes &&
                finding.fixes.map(title => (
                  <TextButton
                    key={title}
                    look="accept"
                    label={title}
                    title={trans.__('Repair the cell; run it again then')}
                    run={() => void this._fix(fixes, finding, title)}
                  />
                ))}
            </li>
          ))}
        </ul>
        <p role="status">{this._said}</p>
      </>
    );
  }

  private async _fix(
    fixes: IFixes,
    finding: ICardFinding,
    title: string
  ): Promise<void> {
    const { trans } = this.options.deployments;
    const editor = await jump(this.output, finding.place);
    const refused =
      editor === null
        ? trans.__('This output stands in no notebook.')
        : await fixes.apply(
            editor,
            { code: finding.code, line: finding.place.line },
            title
          );
    this._said = refused ?? trans.__('Done: %1. Run the cell again.', title);
    this.update();
  }

  private _said = '';
}
