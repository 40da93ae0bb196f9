/**
 * The texts that the server looks at.
 */
const SCHEMES = ['file', 'untitled', 'vscode-notebook-cell'];

/** Scripts, cells and deployment files, on disk or not saved yet. */
export const SELECTOR: { scheme: string; language: string }[] = [
  ...SCHEMES.map(scheme => ({ scheme, language: 'python' })),
  ...['yaml', 'json', 'jsonc', 'pip-requirements'].flatMap(language =>
    ['file', 'untitled'].map(scheme => ({ scheme, language }))
  )
];
