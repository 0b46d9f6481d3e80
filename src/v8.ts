/** What the engine is told, so that a server without work takes little memory. */
import { performance } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/**
 * Lets V8 make machine code from now on. bin/tidings.js starts a server without: what runs until it listens is loading, over in 200 ms. It would get
 * no faster, but all three compilers (Sparkplug, Maglev, TurboFan) would be in memory, 10 MiB of them. Called once, while the other threads have nothing to do.
 */
export function optimise(): void {
  for (const name of ['opt', 'maglev', 'sparkplug']) setFlagsFromString(`--${name}`)
}

/** How often a server asks itself whether it is quiet, in ms. */
const QUIET_EVERY = 2_000
/** A thread that has work for less of its time than this is quiet. */
const QUIET = 0.05
/** So many looks in a row must find it quiet. In a lull of some seconds it keeps what it will need at once: see `collectAll`. */
const QUIET_LOOKS = 5
const MIB = 2 ** 20
/** Objects that are marked within a tenth of a second or two: nobody waits longer for a collection of ours. Beyond, V8 does it in steps, in time. */
const MOST_OBJECTS = 128 * MIB

/**
 * Gives back the space that work took, some ten seconds after it is done. V8 does that by itself, but after 15 to 25 s without any work. For the
 * thread that calls it, as long as that lives. `inUse`: whether there is anybody whose objects stay; else V8 may do it in its time, since
 * the first to come would pay for it (see `collectAll`). `every`: ms between two looks.
 */
export function collectWhenQuiet(inUse: () => boolean, every = QUIET_EVERY): void {
  let before = performance.eventLoopUtilization()
  let floor = getHeapStatistics().total_heap_size
  let quiet = 0
  const look = (): void => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    quiet = utilization < QUIET ? quiet + 1 : 0
    if (quiet < QUIET_LOOKS || !inUse()) return
    const { total_heap_size: size, used_heap_size: used } = getHeapStatistics()
    if (used > MOST_OBJECTS || size < floor * 1.25 + 8 * MIB) return
    collectAll()
    floor = getHeapStatistics().total_heap_size
  }
  setInterval(look, every).unref()
}

/**
 * Gives back the space that starting took for a moment: V8 would keep 8 MiB of it until there is work. For the thread that calls it;
 * the flags are those of the process, so of two threads at once one may go without.
 */
export function collectGarbage(): void {
  // With the code of functions that ran once.
  setFlagsFromString('--stress-flush-code')
  collectAll()
  setFlagsFromString('--no-stress-flush-code')
}

/**
 * Collects whatever can be collected, at once; only where Node was started with `--expose-gc`, as bin/tidings.js does. The shapes of objects that
 * are not there just now go, too, and with them the machine code that was made for them: what comes next runs half as fast for some seconds.
 */
function collectAll(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
