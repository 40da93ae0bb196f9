import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef, useState } from 'react';

import { cellText, readCell } from './cells';
import type { IGrid } from './grid';
import { withBlock, withCell, withRow, withoutRow } from './grid';

/** Cells beyond which a table would slow the page; the value is then edited as JSON. */
export const MOST_CELLS = 4_000;

/** An editable table: arrow keys and Enter move, Tab leaves, a block from a spreadsheet can be pasted. */
export function GridView(props: {
  label: string;
  grid: IGrid;
  onChange(grid: IGrid): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { grid, label, onChange, trans } = props;
  const [active, setActive] = useState<[number, number]>([0, 0]);
  const table = useRef<HTMLTableElement>(null);
  const rows = grid.rows.length;
  const row = Math.min(active[0], Math.max(0, rows - 1));
  const column = Math.min(active[1], grid.columns.length - 1);

  const go = (toRow: number, toColumn: number): void => {
    const at = [clamp(toRow, rows), clamp(toColumn, grid.columns.length)];
    setActive([at[0], at[1]]);
    table.current
      ?.querySelector<HTMLInputElement>(`[data-at="${at[0]},${at[1]}"]`)
      ?.focus();
  };

  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const input = event.currentTarget;
    const begin = input.selectionStart === 0 && input.selectionEnd === 0;
    const whole =
      input.selectionStart === 0 && input.selectionEnd === input.value.length;
    const end =
      input.selectionStart === input.value.length &&
      input.selectionEnd === input.value.length;
    const moves: Record<string, [number, number] | undefined> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      Enter: [row + (event.shiftKey ? -1 : 1), column],
      ArrowLeft: begin || whole ? [row, column - 1] : undefined,
      ArrowRight: end || whole ? [row, column + 1] : undefined
    };
    const move = moves[event.key];
    if (move && !(event.shiftKey && event.key !== 'Enter')) {
      event.preventDefault();
      go(...move);
    }
  };

  const onPaste = (event: React.ClipboardEvent): void => {
    const text = event.clipboardData.getData('text/plain');
    if (/[\t\n]/.test(text.trimEnd())) {
      event.preventDefault();
      onChange(withBlock(grid, row, column, text));
    }
  };

  return (
    <div className="jp-mldeploy-Grid">
      <div className="jp-mldeploy-Grid-scroll">
        <table
          ref={table}
          role="grid"
          aria-label={label}
          aria-rowcount={rows + 1}
          aria-colcount={grid.columns.length + 1}
        >
          <thead>
            <tr>
              <th scope="col" aria-label={trans.__('Row')} />
              {grid.columns.map(item => (
                <th scope="col" key={item.name} title={item.kind}>
                  {item.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {grid.rows.map((cells, atRow) => (
              <tr key={atRow}>
                <th scope="row">
                  {grid.index.length > 0 ? String(grid.index[atRow]) : atRow}
                </th>
                {grid.columns.map((item, atColumn) => (
                  <td key={item.name} role="gridcell">
                    <CellInput
                      at={`${atRow},${atColumn}`}
                      label={trans.__('%1, row %2', item.name, atRow)}
                      text={cellText(item.kind, cells[atColumn])}
                      fits={text => readCell(item.kind, text).fits}
                      canonical={text =>
                        cellText(item.kind, readCell(item.kind, text).value)
                      }
                      missing={cells[atColumn] === undefined}
                      tabbable={atRow === row && atColumn === column}
                      onFocus={() => setActive([atRow, atColumn])}
                      onKeyDown={onKeyDown}
                      onPaste={onPaste}
                      onChange={text =>
                        onChange(
                          withCell(
                            grid,
                            atRow,
                            atColumn,
                            readCell(item.kind, text).value
                          )
                        )
                      }
                      trans={trans}
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="jp-mldeploy-Grid-actions">
        <button
          type="button"
          className="jp-mldeploy-Button jp-mod-small"
          onClick={() => {
            onChange(withRow(grid, rows === 0 ? -1 : row));
            setActive([rows === 0 ? 0 : row + 1, column]);
          }}
        >
          {trans.__('Add row')}
        </button>
        <button
          type="button"
          className="jp-mldeploy-Button jp-mod-small"
          disabled={rows === 0}
          onClick={() => onChange(withoutRow(grid, row))}
        >
          {trans.__('Remove row %1', row)}
        </button>
      </div>
    </div>
  );
}

/** One cell; it keeps the text as typed, while the table holds its value. */
function CellInput(props: {
  at: string;
  label: string;
  text: string;
  missing: boolean;
  tabbable: boolean;
  fits(text: string): boolean;
  /** How a text that was typed is shown when it is left. */
  canonical(text: string): string;
  onFocus(): void;
  onKeyDown(event: React.KeyboardEvent<HTMLInputElement>): void;
  onPaste(event: React.ClipboardEvent): void;
  onChange(text: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { text, trans } = props;
  const [typed, setTyped] = useState(text);
  const { canonical } = props;
  useEffect(() => {
    // What is being typed stays as it is; what came from elsewhere (a paste, the sample) replaces it.
    setTyped(now => (canonical(now) === text ? now : text));
  }, [text]);
  const fits = props.fits(typed);
  return (
    <input
      data-at={props.at}
      aria-label={props.label}
      aria-invalid={fits ? undefined : true}
      title={
        fits
          ? undefined
          : trans.__('Sent as text: it is not what the schema has here.')
      }
      placeholder={props.missing ? trans.__('(left out)') : undefined}
      tabIndex={props.tabbable ? 0 : -1}
      size={Math.min(24, Math.max(5, typed.length))}
      spellCheck={false}
      autoComplete="off"
      value={typed}
      onFocus={event => {
        props.onFocus();
        event.currentTarget.select();
      }}
      onKeyDown={props.onKeyDown}
      onPaste={props.onPaste}
      onChange={event => {
        setTyped(event.target.value);
        props.onChange(event.target.value);
      }}
      onBlur={() => setTyped(text)}
    />
  );
}

function clamp(at: number, count: number): number {
  return Math.min(Math.max(0, at), count - 1);
}
