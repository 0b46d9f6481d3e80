/** Order between two nodes: RFC 6120 §10.1. */
import t from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import { defineExtension, stage } from '../../src/core/extension.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import type { PendingWrite } from '../../src/storage/pending-write.ts'
import type { Storage } from '../../src/storage/types.ts'
import { xml } from '../../src/xml/element.ts'
import { core } from '../support/core.ts'

/** Some of them have another home than alice. */
const OTHERS = ['bob', 'carol', 'dave', 'erin', 'frank']

for (const nodes of [1, 2, 3])
  t.test(`${nodes} node(s): what a recipient's home holds back is not overtaken`, async t => {
    const gate = Promise.withResolvers<undefined>()
    const slow = defineExtension({
      name: 'slow',
      doc: 'holds back messages at their recipient',
      setup: () => ({
        stages: [
          stage('guard', { kind: 'message', side: 'recipient', child: ['slow', 'test'] }, () => gate.promise),
        ],
      }),
    })
    const server = core({ nodes, extensions: [slow] })
    const alice = await server.session('alice', 'a')
    for (const name of ['bob', 'carol']) {
      const other = await server.session(name, 'b', nodes - 1)
      await other.send('presence', {})
    }
    const bob = await server.session('bob', 'one')
    const carol = await server.session('carol', 'one')
    const sent = [bob, carol].flatMap(to => [
      alice.send('message', { to: to.jid.toString(), id: '1' }, xml('slow', { xmlns: 'test' })),
      alice.send('message', { to: to.jid.toString(), id: '2' }),
    ])
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
    gate.resolve(undefined)
    await Promise.all(sent)
    await server.settled()
    for (const { received } of [bob, carol])
      t.same(
        received.map(text => /id="(\d)"/.exec(text)?.[1]),
        ['1', '2'],
      )
  })

t.test('what one writes to another home is stored together, in order', async t => {
  const diary = defineExtension({
    name: 'diary',
    doc: 'keeps what was written',
    setup: host => {
      const table = host.storage.table<string>('diary', 'lww')
      return {
        stages: [
          stage('record', { kind: 'message', side: 'sender' }, ({ id }, { owner }) => [
            table.put(owner, id!, 'was written'),
          ]),
        ],
      }
    },
  })
  const { storage, began, release } = held(memoryStorage({ clock: systemClock }))
  const server = core({ nodes: 3, accounts: ['alice', ...OTHERS], extensions: [diary], storage })
  const alice = await server.session('alice', 'a')
  const homes = server.routers.map(({ cluster }) => cluster)
  const home = homes[0]!.homeOf('alice@localhost')
  const far = OTHERS.filter(name => homes[0]!.homeOf(`${name}@localhost`) !== home)
  t.ok(far.length > 1, 'some have another home')
  for (const name of far) await (await server.session(name, 'b')).send('presence', {})
  const sent = far.map((name, n) => alice.send('message', { to: `${name}@localhost/b`, id: `${n}` }))
  while (began.length < far.length) await new Promise(setImmediate)
  t.same(
    began,
    far.map((_, n) => `${n}`),
    'each commit has begun, though the first is not done',
  )
  release()
  await Promise.all(sent)
})

/** A storage whose commits wait until they are released; and the keys of those that have begun. */
function held(storage: Storage): { storage: Storage; began: string[]; release: () => void } {
  const began: string[] = []
  const gate = Promise.withResolvers<void>()
  const proxy = new Proxy(storage, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name !== 'commit') return typeof value === 'function' ? value.bind(target) : value
      return async (writes: Parameters<Storage['commit']>[0]) => {
        for (const write of writes as readonly PendingWrite[])
          if (write.operation?.kind === 'put') began.push(write.operation.key)
        await gate.promise
        await target.commit(writes)
      }
    },
  })
  return { storage: proxy, began, release: gate.resolve }
}
