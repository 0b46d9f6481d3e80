/** Runs processes below power-cut.c. */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/** Why the library can't be used here; `false` when it can. */
export function whyNot(): string | false {
  if (process.platform !== 'linux') return 'the library that simulates power cuts is for Linux'
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'no C compiler (cc) on this machine'
  }
}

/** Compiles the library into a folder; its path. */
export function compile(folder: string): string {
  const library = join(folder, 'power-cut.so')
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-O2',
    '-Wall',
    '-Werror',
    '-o',
    library,
    join(HERE, 'power-cut.c'),
    '-ldl',
  ])
  return library
}

/** A process under the library. */
export type Watched = ChildProcessByStdio<null, Readable, null>

/** Where the library finds its things. */
export interface Watch {
  readonly library: string
  /** What lies below is watched. */
  readonly root: string
  readonly journal: string
  /** How long each sync takes, us; 0 by default. */
  readonly syncTime?: number
  /** Four 32-bit numbers, see power-cut.c. */
  readonly control?: string
}

/** Starts a script of this folder under the library. */
export function start(script: string, args: readonly string[], watch: Watch): Watched {
  return spawn(process.execPath, [join(HERE, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: watchedEnvironment(watch),
  })
}

/** What has a process run under the library; its journal begins anew. */
export function watchedEnvironment(watch: Watch): NodeJS.ProcessEnv {
  writeFileSync(watch.journal, '')
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env
  return {
    ...env,
    LD_PRELOAD: watch.library,
    POWER_CUT_ROOT: watch.root,
    POWER_CUT_JOURNAL: watch.journal,
    POWER_CUT_SYNC_US: String(watch.syncTime ?? 0),
    ...(watch.control !== undefined && { POWER_CUT_CONTROL: watch.control }),
  }
}

/** A text to look for in a source file, and what to put there. */
export interface Mutation {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** Copies the storage into a folder, with mistakes; the path of the copy of `src`. */
export function mutate(folder: string, mutations: readonly Mutation[]): string {
  const src = join(folder, 'src')
  for (const part of ['storage', 'xml', 'v8.ts'])
    cpSync(join(HERE, '../../src', part), join(src, part), { recursive: true })
  for (const mutation of mutations) replaceIn(join(src, 'storage', mutation.file), mutation)
  return src
}

/** Makes a mistake in a file. */
export function replaceIn(path: string, { file, find, replace }: Mutation): void {
  const text = readFileSync(path, 'utf8')
  if (text.split(find).length !== 2)
    throw new Error(`${file}: "${find}" is not there exactly once: adapt the mutation`)
  writeFileSync(
    path,
    text.replace(find, () => replace),
  )
}
