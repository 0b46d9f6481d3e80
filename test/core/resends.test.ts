/** ARCHITECTURE §7: messages that are sent again after their stream broke, in all orders, against a model. */
import t from 'tap'
import archive from '../../src/extensions/archive/index.ts'
import hints from '../../src/extensions/hints.ts'
import stanzaIds from '../../src/extensions/stanza-ids.ts'
import { xml } from '../../src/xml/element.ts'
import { Random } from '../fuzz/random.ts'
import { ManualClock } from '../support/clock.ts'
import { core, type TestSession } from '../support/core.ts'
import { ResendsModel } from './resends-model.ts'

const RUNS = process.env.TIDINGS_FULL === '1' ? 200 : 25
const STEPS = 60
const RESOURCES = ['a', 'b', 'c']
const MINUTE = 60_000
/** As in `core()`. */
const RESUME = 5 * MINUTE

/** With restarts no stream goes on that had broken, and little time passes: how exactly what is stored tells those apart is not promised. */
async function run(seed: number, nodes: number, restarts: boolean): Promise<void> {
  const random = new Random(seed)
  const clock = new ManualClock()
  const extensions = [hints, stanzaIds, archive]
  const start = (storage?: Server['storage']) =>
    core({ nodes, clock, extensions, ...(storage && { storage }) })
  let server: Server = start()
  const model = new ResendsModel()
  let sessions = new Map<string, TestSession>()
  let bob = await recipient(server)
  const log: string[] = []

  const steps: Record<string, (resource: string) => Promise<void>> = {
    async bind(resource) {
      model.bind(resource, clock.now())
      sessions.set(resource, await server.session('alice', resource, random.below(nodes)))
    },
    async send(resource) {
      const message = `${random.pick(['1', '2'])} ${random.pick(['x', 'y'])}`
      const [id, body] = message.split(' ') as [string, string]
      const before = bob.received.length
      await sessions
        .get(resource)!
        .send('message', { to: 'bob@localhost', type: 'chat', id }, xml('body', {}, body))
      await server.settled()
      const isNew = model.send(resource, message, clock.now())
      log.push(`${message}: ${isNew ? 'new' : 'again'}`)
      if (bob.received.length - before !== (isNew ? 1 : 0)) throw new Error(`seed ${seed}: ${log.join(', ')}`)
    },
    async breaks(resource) {
      model.living.get(resource)!.state = 'broken'
      sessions.get(resource)!.handle.stream('broken')
    },
    async resumes(resource) {
      if (restarts) return
      model.living.get(resource)!.state = 'open'
      sessions.get(resource)!.handle.stream('open')
    },
    async ends(resource) {
      model.end(resource, clock.now())
      await sessions.get(resource)!.handle.unbind(true)
    },
    async closes(resource) {
      const stream = model.living.get(resource)!
      if (stream.state !== 'open') return
      stream.state = 'closed'
      model.end(resource, clock.now())
      sessions.get(resource)!.handle.stream('closed')
      await sessions.get(resource)!.handle.unbind()
    },
    async waits() {
      if (!restarts) clock.advance(random.pick([1, 4, 7]) * MINUTE)
    },
    async restarts() {
      if (!restarts) return
      model.restart(clock.now(), RESUME)
      server = start(server.storage)
      sessions = new Map()
      bob = await recipient(server)
    },
  }
  const often = ['send', 'send', 'send', 'send', 'bind', 'breaks', 'ends', 'closes', 'resumes', 'waits']

  for (let step = 0; step < STEPS; step++) {
    clock.advance(1)
    const resource = random.pick(RESOURCES)
    const name = random.once(30) ? 'restarts' : model.living.has(resource) ? random.pick(often) : 'bind'
    log.push(`${resource} ${name}`)
    await steps[name]!(resource)
    await server.settled()
  }
}

type Server = ReturnType<typeof core>

async function recipient(server: Server): Promise<TestSession> {
  const bob = await server.session('bob', 'one')
  await bob.send('presence', {})
  return bob
}

for (const nodes of [1, 3])
  for (const restarts of [false, true])
    t.test(`${nodes} node(s), ${restarts ? 'killed now and then' : 'long-lived'}`, async t => {
      for (let seed = 1; seed <= RUNS; seed++) await run(seed, nodes, restarts)
      t.pass(`${RUNS} runs of ${STEPS} steps`)
    })
