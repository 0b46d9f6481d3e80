/** Rows in memory: never older than what the last change left, whatever overtakes what. */
import fc from 'fast-check'
import t from 'tap'
import { RowCache } from '../../src/storage/sqlite/row-cache.ts'

const ALICE = 'alice@localhost'

/** A database of one row; reads and changes are under way until they are let go. */
class Slow {
  readonly cache = new RowCache()
  stored: string | undefined
  reads = 0
  readonly #waiting: (() => void)[] = []

  /** Reads by the cache. A read sees the row of some moment while it is under way: here, of its beginning or its end. */
  get(late = false): Promise<string | undefined> {
    return this.cache.get(ALICE, 'accounts', 'account', async () => {
      this.reads++
      const early = this.stored
      await this.#turn()
      return late ? this.stored : early
    })
  }

  set(json: string | undefined): Promise<void> {
    return this.cache.change(ALICE, 'accounts', 'account', () => this.#store(json))
  }

  erase(): Promise<void> {
    return this.cache.erase(ALICE, () => this.#store(undefined))
  }

  /** Lets one of those go that are under way. */
  letGo(which: number): void {
    this.#waiting.splice(which % this.#waiting.length, 1)[0]?.()
  }

  get underway(): number {
    return this.#waiting.length
  }

  async #store(json: string | undefined): Promise<void> {
    await this.#turn()
    this.stored = json
    await this.#turn()
  }

  #turn(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }
}

/** Lets go of all, the latest first. */
async function finish(slow: Slow): Promise<void> {
  await new Promise(setImmediate)
  while (slow.underway > 0) {
    slow.letGo(slow.underway - 1)
    await new Promise(setImmediate)
  }
}

t.test('a row is read once, also by those who ask at the same time, and also when it is missing', async t => {
  const slow = new Slow()
  const both = Promise.all([slow.get(), slow.get()])
  await finish(slow)
  t.same(await both, [undefined, undefined])
  t.equal(await slow.get(), undefined)
  t.equal(slow.reads, 1)
})

t.test('rows of others are others', async t => {
  const cache = new RowCache()
  const read = async () => `${reads++}`
  let reads = 0
  for (const [owner, table, key] of [
    [ALICE, 'a', 'b'],
    ['bob@localhost', 'a', 'b'],
    [ALICE, 'b', 'b'],
    [ALICE, 'a', 'a'],
  ] as const)
    t.equal(await cache.get(owner, table, key, read), String(reads - 1))
  await cache.erase(ALICE, async () => {})
  t.equal(await cache.get('bob@localhost', 'a', 'b', read), '1', 'still known')
  t.equal(await cache.get(ALICE, 'b', 'b', read), '4', 'read anew')
})

t.test('a read that fails is not remembered', async t => {
  const cache = new RowCache()
  await t.rejects(cache.get(ALICE, 'a', 'b', () => Promise.reject(new Error('disk'))))
  t.equal(await cache.get(ALICE, 'a', 'b', async () => 'x'), 'x')
})

t.test('a long row is read each time: the rows that are kept take little room', async t => {
  const slow = new Slow()
  slow.stored = 'x'.repeat(10_000)
  for (let reads = 1; reads <= 2; reads++) {
    const row = slow.get()
    await finish(slow)
    t.equal(await row, slow.stored)
    t.equal(slow.reads, reads)
  }
})

t.test('a change that fails leaves nothing known', async t => {
  const slow = new Slow()
  await t.rejects(slow.cache.change(ALICE, 'accounts', 'account', () => Promise.reject(new Error('disk'))))
  slow.stored = 'after all'
  const read = slow.get()
  await finish(slow)
  t.equal(await read, 'after all')
})

t.test('whoever asks after a change is told what it left, in whatever order things end', async t => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('get' as const), late: fc.boolean() }),
    fc.record({ do: fc.constantFrom('set' as const, 'erase' as const) }),
    fc.record({ do: fc.constant('let go' as const), which: fc.nat({ max: 3 }) }),
  )
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
    const slow = new Slow()
    let version = 0
    let changing: Promise<void> | undefined
    for (const one of steps) {
      if (one.do === 'get') void slow.get(one.late)
      else if (one.do === 'let go' && slow.underway > 0) slow.letGo(one.which)
      else if (one.do !== 'let go' && changing === undefined) {
        changing = one.do === 'set' ? slow.set(`v${++version}`) : slow.erase()
        void changing.then(() => (changing = undefined))
      }
      await new Promise(setImmediate)
      if (changing !== undefined) continue
      // Nothing changes now: who asks anew must hear the truth.
      const told = slow.get()
      await finish(slow)
      for (const json of [await told, await slow.get()])
        if (json !== slow.stored) throw new Error(`${json} instead of ${slow.stored}`)
    }
    await finish(slow)
  })
  await t.resolves(fc.assert(property, { numRuns: 5_000 }))
})
