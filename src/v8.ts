/** What the engine is told, so that a server without work takes little memory. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Lets V8 make machine code from now on. bin/tidings.js starts a server without: what runs until it listens is loading, over in 200 ms. It would get
 * no faster, but all three compilers (Sparkplug, Maglev, TurboFan) would be in memory, 10 MiB of them. Called once, while the other threads have nothing to do.
 */
export function optimise(): void {
  for (const name of ['opt', 'maglev', 'sparkplug']) setFlagsFromString(`--${name}`)
}

/**
 * Gives back the space that starting took for a moment: V8 would keep 8 MiB of it until there is work. For the thread that calls it;
 * the flags are those of the process, so of two threads at once one may go without.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: typeof gc = runInNewContext('globalThis.gc')
  setFlagsFromString('--no-expose-gc')
  // With the code of functions that ran once.
  setFlagsFromString('--stress-flush-code')
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  setFlagsFromString('--no-stress-flush-code')
}
