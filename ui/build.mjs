// SPDX-License-Identifier: BSD-2-Clause
// Bundles the dashboard into dist/: the page, one script, one style sheet and the icons of the tab,
// each also compressed, since that is how attld holds them. The build has no inputs besides this
// folder and node_modules, and gives the same bytes each time. With --test it bundles the unit
// tests into dist-test/ instead, for node's own test runner.
import { build } from 'esbuild';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
process.chdir(here);
const common = { bundle: true, charset: 'utf8', logLevel: 'warning', target: 'es2022' };

async function bundleTests() {
  rmSync('dist-test', { recursive: true, force: true });
  const entryPoints = readdirSync('test')
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name));
  await build({ ...common, entryPoints, outdir: 'dist-test', platform: 'node', format: 'esm', outExtension: { '.js': '.mjs' } });
}

async function bundlePage() {
  mkdirSync('dist', { recursive: true });
  await build({
    ...common,
    entryPoints: { app: 'src/main.ts' },
    outdir: 'dist',
    format: 'esm',
    minify: true,
    legalComments: 'none',
  });
  for (const name of readdirSync('static')) cpSync(join('static', name), join('dist', name));
  let total = 0;
  for (const name of readdirSync('dist').sort()) {
    if (name.endsWith('.gz')) continue;
    const packed = gzipSync(readFileSync(join('dist', name)), { level: 9 });
    writeFileSync(join('dist', name + '.gz'), packed);
    total += packed.length;
  }
  console.log(`dashboard: ${(total / 1024).toFixed(1)} KiB compressed`);
}

await (process.argv.includes('--test') ? bundleTests() : bundlePage());
