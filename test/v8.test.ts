import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { collectWhenQuiet } from '../src/v8.ts'

const MIB = 2 ** 20

// As `--expose-gc` does when Node starts, with which bin/tidings.js starts a server.
setFlagsFromString('--expose-gc')
globalThis.gc = runInNewContext('gc')

t.test(
  'the space of what was used once is given back when there is no more work',
  { timeout: 10_000 },
  async t => {
    const heap = () => getHeapStatistics().total_heap_size
    let used = false
    collectWhenQuiet(() => used, 20)
    let kept: object[] | undefined = Array.from({ length: 500_000 }, (_, number) => ({ number }))
    const grown = heap()
    t.equal(kept.length, 500_000)
    kept = undefined
    used = true
    // V8 itself waits for 15 to 25 s. A server has something to wait for, this test has the timer.
    await new Promise<void>(resolve => {
      const look = setInterval(() => {
        if (heap() > grown - 10 * MIB) return
        clearInterval(look)
        resolve()
      }, 20)
    })
  },
)
