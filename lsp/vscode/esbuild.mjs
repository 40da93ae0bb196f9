// Bundles the extension, or with --tests the unit tests: node esbuild.mjs [--tests] [--watch]
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { build, context } from 'esbuild';

const tests = process.argv.includes('--tests');
const common = { bundle: true, platform: 'node', target: 'node18', format: 'cjs', external: ['vscode'], logLevel: 'warning' };
const options = tests
  ? {
      ...common,
      external: [],
      alias: { vscode: './test/vscode.ts' }, // there is no VS Code around unit tests
      entryPoints: readdirSync('test').filter(name => name.endsWith('.test.ts')).map(name => `test/${name}`),
      outdir: 'out',
      sourcemap: 'inline'
    }
  : { ...common, entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', minify: true };

if (!tests) {
  copyFileSync('../../LICENSE', 'LICENSE'); // packed into the vsix
}
rmSync(tests ? 'out' : 'dist', { recursive: true, force: true });
if (process.argv.includes('--watch')) {
  await (await context(options)).watch();
} else {
  await build(options);
}
