// JupyterLab's packages are ES modules, which jest runs as CommonJS after the same transformation as ours.
const modules = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@lezer',
  '@lumino',
  '@marijn',
  '@microsoft',
  'exenv-es6',
  'lib0',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

export default {
  testEnvironment: 'jsdom',
  // For a busy machine; what waits for something says itself what it waited for, before this.
  testTimeout: 30_000,
  roots: ['<rootDir>/labextension/tests'],
  transform: {
    '\\.(t|j)sx?$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', tsx: true },
          target: 'es2022',
          transform: { react: { runtime: 'classic' } }
        }
      }
    ],
    '\\.svg$': '<rootDir>/labextension/tests/text.cjs'
  },
  moduleNameMapper: { '\\.css$': '<rootDir>/labextension/tests/empty.cjs' },
  setupFiles: ['<rootDir>/labextension/tests/setup.cjs'],
  transformIgnorePatterns: [`/node_modules/(?!(${modules})/)`]
};
