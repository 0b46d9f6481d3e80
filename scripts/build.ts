/**
 * Makes a program that runs without sources: `npm run build` writes it to `dist`, `node scripts/build.ts FOLDER` elsewhere.
 * JavaScript of all TypeScript, and beside it what the program reads while it runs: the files of the web chat.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, statSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
/** Read by the compiler, and by people. */
const STAYS: ReadonlySet<string> = new Set(['.ts', '.md'])

const target = resolve(process.argv[2] ?? join(ROOT, 'dist'))
const compiler = join(ROOT, 'node_modules/.bin/tsc')
const compiled = spawnSync(compiler, ['--project', join(ROOT, 'tsconfig.build.json'), '--outDir', target], {
  stdio: 'inherit',
})
if (compiled.status === 0)
  cpSync(join(ROOT, 'src'), target, {
    recursive: true,
    filter: file => statSync(file).isDirectory() || !STAYS.has(extname(file)),
  })
process.exitCode = compiled.status ?? 1
