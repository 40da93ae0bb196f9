/**
 * Gives the bodies of %%deploy cells to the language server that knows them, where jupyterlab-lsp is in use. Only
 * types are imported, so that nothing of it is loaded where it is not.
 */
import type { IExtractedCode, IForeignCodeExtractor } from '@jupyterlab/lsp';

/** The language under which the server is registered with jupyter-lsp; it takes no Python cell from another server. */
export const LANGUAGE = 'mldeploy-entry-script';

const MAGIC = /^\s*%%deploy\b[^\n]*\n/;

/** Takes the body of a %%deploy cell out, as a Python document of its own. */
export const deployExtractor: IForeignCodeExtractor = {
  language: LANGUAGE,
  standalone: true,
  fileExtension: 'py',
  cellType: ['code'],

  /** Whether a cell has a body to take out. */
  hasForeignCode(code: string, _cellType: string): boolean {
    return MAGIC.test(code);
  },

  /** Splits a cell into what stays with the kernel's language, which is nothing, and the entry script. */
  extractForeignCode(code: string): IExtractedCode[] {
    const head = MAGIC.exec(code)?.[0];
    if (head === undefined) {
      return [
        { foreignCode: null, range: null, virtualShift: null, hostCode: code }
      ];
    }
    const lines = code.split('\n');
    return [
      {
        foreignCode: code.slice(head.length),
        range: {
          start: { line: head.split('\n').length - 1, column: 0 },
          end: {
            line: lines.length - 1,
            column: lines[lines.length - 1]!.length
          }
        },
        virtualShift: null,
        hostCode: ''
      }
    ];
  }
};
