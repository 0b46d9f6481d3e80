/** Runs the test files with tap and tells about each as it ends. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type FileResult, type Skip, TapReader } from './tap-reader.ts'

/** What came of the test files. */
export interface TestRun {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface RunOptions {
  /** Files or folders; all tests if empty. */
  readonly paths: readonly string[]
  /** Whether a skipped test counts as failed. */
  readonly requireAll: boolean
  readonly root: string
}

/** Runs tests. Never throws for a failing test. */
export async function runTap({ paths, requireAll, root }: RunOptions): Promise<TestRun> {
  buildTap(root)
  const files = paths.map(path => (path.endsWith('.ts') ? path : `${path.replace(/\/$/, '')}/**/*.test.ts`))
  // A full round of fuzz or faults takes its time.
  const options = process.env.TIDINGS_FULL === '1' ? ['--timeout=3600'] : []
  const child = spawn('tap', ['run', '--reporter=tap', ...options, ...files], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<number>(resolve => child.on('exit', code => resolve(code ?? 1)))
  const reader = new TapReader()
  let inVain = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const result = reader.push(line)
    if (result === undefined) continue
    tell(result)
    for (const skip of result.skips) {
      console.log(`  skipped: ${skip.test}: ${skip.reason}`)
      if (mustNotSkip(skip, requireAll)) inVain++
    }
  }
  const code = await exited
  const { passed = 0, failed = 0, skipped = 0 } = reader.totals ?? {}
  // tap may fail without a failed assertion: a time-out, a crash, no test found.
  const atLeast = code === 0 && reader.totals !== undefined && passed > 0 ? 0 : 1
  return { passed, failed: Math.max(failed, atLeast) + inVain, skipped: skipped - inVain }
}

function mustNotSkip({ reason }: Skip, requireAll: boolean): boolean {
  // A file without an assertion proves nothing, whatever its author meant.
  if (reason === 'no tests found') return true
  // What can't be there by nature is no gap: a back end in memory that is to be opened again.
  return requireAll && !reason.startsWith('not applicable')
}

/** Builds tap for the plugins of .taprc, once after each installation: the first run without it would fail. */
function buildTap(root: string): void {
  const mark = `${root}/node_modules/.tidings-tap`
  const wanted = readFileSync(`${root}/.taprc`, 'utf8')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return
  const { status, stdout, stderr } = spawnSync('tap', ['build'], { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`tap build failed:\n${stdout}${stderr}`)
  writeFileSync(mark, wanted)
}

function tell({ file, ok, milliseconds, failures }: FileResult): void {
  console.log(`  ${ok ? 'ok    ' : 'FAILED'} ${(milliseconds / 1000).toFixed(1).padStart(6)} s  ${file}`)
  for (const line of failures) console.log(`  ${line}`)
}
