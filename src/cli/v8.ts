/** What the engine is told, so that a server without work takes little memory. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Loads code without optimising any. What loading runs is Node's own loader, over in 100 ms: it would get no faster, but V8's optimisers
 * would be in memory, 6 MiB of them. Only for a time when no other thread runs: the flags are those of the process.
 */
export async function unoptimised<T>(load: () => Promise<T>): Promise<T> {
  const optimisers = ['opt', 'maglev']
  for (const name of optimisers) setFlagsFromString(`--no-${name}`)
  try {
    return await load()
  } finally {
    for (const name of optimisers) setFlagsFromString(`--${name}`)
  }
}

/** Gives back the space that starting took for a moment: V8 would keep 6 of its 90 MiB until the server has work. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: typeof gc = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
