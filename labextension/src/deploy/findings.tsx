import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IFinding, IFix } from '../api';
import { TextButton } from '../ui/buttons';

/** What the linter says about the entry script. */
export function Findings(props: {
  findings: IFinding[];
  /** Show where a finding is; undefined where that is not known. */
  onShow?: (finding: IFinding) => void;
  /** Apply a fix; undefined where there is nothing to edit. */
  onFix?: (finding: IFinding, fix: IFix) => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { onFix, onShow, trans } = props;
  const findings = props.findings.filter(
    item => item.severity === 'error' || item.severity === 'warning'
  );
  if (findings.length === 0) {
    return null;
  }
  return (
    <table className="jp-mldeploy-Table jp-mldeploy-Findings">
      <caption className="jp-mldeploy-hidden">
        {trans.__('Findings in the entry script')}
      </caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Severity')}</th>
          <th scope="col">{trans.__('Line')}</th>
          <th scope="col">{trans.__('Finding')}</th>
        </tr>
      </thead>
      <tbody>
        {findings.map((item, at) => (
          <tr key={at}>
            <td>
              <span
                className="jp-mldeploy-Badge"
                data-tone={item.severity === 'error' ? 'bad' : 'warn'}
              >
                {item.severity === 'error'
                  ? trans.__('error')
                  : trans.__('warning')}
              </span>
            </td>
            <td>
              {onShow ? (
                <button
                  type="button"
                  className="jp-mldeploy-Link"
                  onClick={() => onShow(item)}
                >
                  {trans.__('line %1', item.line)}
                </button>
              ) : (
                item.line
              )}
            </td>
            <td>
              {item.message} <code>{item.code}</code>
              {onFix && (item.fixes ?? []).length > 0 && (
                <div className="jp-mldeploy-Row">
                  {(item.fixes ?? []).map(fix => (
                    <TextButton
                      key={fix.title}
                      label={fix.title}
                      title={
                        fix.safe
                          ? trans.__('Repair the script; it does the same')
                          : trans.__('Repair the script; look at it afterwards')
                      }
                      run={() => onFix(item, fix)}
                    />
                  ))}
                </div>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
