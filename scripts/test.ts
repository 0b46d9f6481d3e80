/**
 * `npm test`: everything that must hold before a change lands, step by step. The last line is `N passed, N failed`: assertions, and each check as one.
 *
 *   npm run check               the checks alone
 *   npm test -- test/core       the tests of a folder or a file alone
 *   npm run test:full           also real services, whole rounds of faults, fuzz with full counts
 *
 * TIDINGS_REQUIRE=all makes every skipped test a failure (CI).
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { installPackages } from './testing/packages.ts'
import { runTap } from './testing/tap.ts'

interface Check {
  readonly name: string
  readonly command: readonly string[]
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What is checked without running the server, cheapest first. */
const CHECKS: readonly Check[] = [
  { name: 'lock file', command: ['node', 'scripts/complete-lock.ts', '--check'] },
  { name: 'formatting and lint', command: ['biome', 'check', '--error-on-warnings'] },
  { name: 'types', command: ['tsc', '--project', '.'] },
  { name: 'layers', command: ['node', 'scripts/layers.ts'] },
  { name: 'dead code', command: ['knip'] },
  { name: 'citations', command: ['node', 'scripts/check-citations.ts'] },
  { name: 'generated files', command: ['node', 'scripts/generate.ts', '--check'] },
]

// The tools of this project, whoever starts this.
process.env.PATH = `${ROOT}node_modules/.bin:${process.env.PATH}`

const args = process.argv.slice(2)
const paths = args.filter(arg => !arg.startsWith('--'))
const only = args.includes('--checks') ? 'checks' : paths.length > 0 ? 'tests' : undefined
if (args.includes('--full')) Object.assign(process.env, { TIDINGS_FULL: '1', TIDINGS_DIALOGUES: 'all' })

const total = { passed: 0, failed: 0, skipped: 0 }
if (only !== 'tests')
  for (const check of CHECKS) {
    if (passes(check)) total.passed++
    else total.failed++
  }
if (only !== 'checks') {
  const started = performance.now()
  installPackages()
  console.log('tests')
  const requireAll = process.env.TIDINGS_REQUIRE === 'all'
  const run = await runTap({ paths, requireAll, root: ROOT })
  total.passed += run.passed
  total.failed += run.failed
  total.skipped += run.skipped
  console.log(`  ${seconds(started)} in all`)
}
console.log(
  `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
)
process.exitCode = total.failed === 0 ? 0 : 1

/** Runs a check; what it prints is shown if it fails. */
function passes({ name, command }: Check): boolean {
  const started = performance.now()
  const [program, ...rest] = command as [string, ...string[]]
  const { status, stdout, stderr, error } = spawnSync(program, rest, { cwd: ROOT, encoding: 'utf8' })
  const ok = status === 0
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${seconds(started)}  ${name}`)
  if (!ok) console.log(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`)
  return ok
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s`
}
