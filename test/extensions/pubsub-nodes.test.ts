/** The nodes of an account against a model that keeps everything in a list, with all in memory forgotten now and then. */
import fc from 'fast-check'
import t from 'tap'
import type { Host } from '../../src/core/host.ts'
import { DEFAULTS } from '../../src/extensions/pubsub/config.ts'
import type { Node } from '../../src/extensions/pubsub/node.ts'
import { NodeStore } from '../../src/extensions/pubsub/nodes.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { StorageError } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from '../support/clock.ts'

const OWNER = JID.parse('alice@localhost')
const PUBLISHER = 'alice@localhost/1'
/** One's name begins with that of another. */
/** Bytes: two large items, and some small ones. */
const ROOM = 11_000
const NAMES = ['n', 'nn', 'm'] as const
const IDS = ['a', 'b', 'c', 'd', ''] as const

type Step =
  | {
      readonly kind: 'publish'
      readonly name: string
      readonly id: string
      readonly most: number
      readonly large: boolean
    }
  | { readonly kind: 'remove'; readonly name: string; readonly id: string }
  | { readonly kind: 'configure'; readonly name: string; readonly most: number; readonly persist: boolean }
  | { readonly kind: 'delete'; readonly name: string }
  | { readonly kind: 'forget' }
  | { readonly kind: 'fail' }

const name = fc.constantFrom(...NAMES)
const id = fc.constantFrom(...IDS)
const most = fc.integer({ min: 1, max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish'), name, id, most, large: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove'), name, id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('configure'), name, most, persist: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail') }) },
) as fc.Arbitrary<Step>

/** Items of a node, oldest first: ids and payloads. */
type Model = Map<string, (readonly [id: string, payload: string])[]>

class Run {
  readonly #storage = memoryStorage({ clock: new ManualClock() })
  readonly #store: NodeStore
  readonly #model: Model = new Map()
  #fails = false
  #last = 0

  constructor() {
    const commit = this.#storage.commit.bind(this.#storage)
    const storage = Object.assign(this.#storage, {
      commit: (...writes: Parameters<typeof commit>) => {
        if (!this.#fails) return commit(...writes)
        this.#fails = false
        return Promise.reject(new StorageError('unavailable', 'of a test'))
      },
    })
    this.#store = new NodeStore({ storage, log: { error() {} } } as unknown as Host)
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'forget') this.#store.forget(OWNER)
    else if (step.kind === 'fail') this.#fails = true
    // What fails has changed nothing.
    else
      await this.#change(step).catch(error => {
        if ((error as Error).name !== 'StanzaError') throw error
      })
    await this.#compare()
  }

  async #change(step: Exclude<Step, { kind: 'forget' | 'fail' }>): Promise<void> {
    const nodes = await this.#store.of(OWNER)
    const known = nodes.get(step.name)
    const items = this.#model.get(step.name) ?? []
    if (step.kind === 'publish') {
      const created =
        known === undefined ? this.#store.create(OWNER, step.name, DEFAULTS, new Map()) : undefined
      const node = (known ?? created?.node) as Node
      const payload = `<x>${++this.#last}${step.large ? 'x'.repeat(5_000) : ''}</x>`
      const item = { id: step.id, publisher: PUBLISHER, payload }
      const edit = { node, put: item, room: { items: step.most, size: ROOM } }
      await this.#store.edit(OWNER, nodes, [edit], created?.writes)
      const all = [...items.filter(([other]) => other !== step.id), [step.id, payload] as const]
      this.#model.set(step.name, all.slice(-step.most))
    } else if (known !== undefined && step.kind === 'remove') {
      await this.#store.edit(OWNER, nodes, [{ node: known, drop: [step.id] }])
      this.#model.set(
        step.name,
        items.filter(([other]) => other !== step.id),
      )
    } else if (known !== undefined && step.kind === 'configure') {
      const config = { ...known.config, persist: step.persist }
      await this.#store.configure(OWNER, known, config, step.most)
      this.#model.set(step.name, step.persist ? items.slice(-step.most) : [])
    } else if (known !== undefined) {
      await this.#store.edit(OWNER, nodes, [{ node: known, gone: true }])
      this.#model.delete(step.name)
    }
  }

  async #compare(): Promise<void> {
    const nodes = await this.#store.of(OWNER)
    t.strictSame([...nodes.keys()].sort(), [...this.#model.keys()].sort())
    for (const [name, items] of this.#model) {
      const node = nodes.get(name)!
      const last = await this.#store.last(OWNER, node)
      t.equal(last?.payload, items.at(-1)?.[1], 'the last one')
      t.strictSame(
        [...(await this.#store.ids(OWNER, node)).keys()],
        items.map(([id]) => id),
      )
      const found = await this.#store.items(OWNER, node)
      t.strictSame(
        found.map(({ id, payload }) => [id, payload]),
        items,
      )
    }
  }
}

t.test('nodes and items are as published, whatever is in memory and whatever fails', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
      const run = new Run()
      for (const one of steps) await run.take(one)
    }),
    { numRuns: 200 },
  )
  t.pass('200 runs')
})
