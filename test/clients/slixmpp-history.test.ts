/** XEP-0313, 0280, 0308, 0424 with a real client: whatever device a user takes up, it shows the same. */
import t from 'tap'
import type { RawClient } from '../support/raw-client.ts'
import { signedIn } from '../support/signed-in.ts'
import type { TestServer } from '../support/test-server.ts'
import { MESSAGES, message, said, WEEK_MS, week, withArchives } from './seeded.ts'
import { withoutSlixmpp } from './slixmpp.ts'
import { Device, type Seen } from './slixmpp-device.ts'

const skip = withoutSlixmpp()

/** What becomes of a user's messages, as the server tells that user: docs/protocol/status.md. */
async function delivered(server: TestServer, sender: RawClient, to: string): Promise<string | undefined> {
  // News are collected for a moment.
  await server.pass(1_000)
  sender.send("<iq type='get' id='changes'><changes xmlns='tidings:status:0'/></iq>")
  const [changes] = await sender.expect(/<iq [^>]*id="changes".*?<\/iq>/)
  return new RegExp(`<delivered user="${to}" id="([^"]+)"`).exec(changes)?.[1]
}

const idsOf = (seen: readonly Seen[]): string[] => seen.map(({ id }) => id)
const archiveIdsOf = (seen: readonly Seen[]): string[] => seen.flatMap(({ archived }) => archived)

t.test('a week away', { skip }, async t => {
  const server = await withArchives(t)
  const { tcp } = server.ports[0]!
  const alice = await signedIn(t, tcp, 'alice', 'secret')
  const before = await Device.connect(t, tcp, 'bob', 'phone')
  await before.presence()
  await before.settle()
  await said(alice, message('bob@localhost', '0'))
  await server.settled()
  await before.settle()
  t.strictSame(idsOf(before.seen), ['0'])
  const [last] = archiveIdsOf(before.seen)
  await before.close()
  const began = server.clock.now()
  const ids = await week(server, alice, 'bob@localhost')

  await t.test('with a client that knows archives', async t => {
    const bob = await Device.connect(t, tcp, 'bob', 'phone')
    await bob.fetch(last)
    t.equal(bob.seen.length, MESSAGES)
    await bob.presence()
    await bob.settle()
    t.strictSame(idsOf(bob.seen), ids, 'each once, in order')
    const times = bob.seen.map(({ delayed }) => Date.parse(delayed ?? ''))
    t.ok(times.every((time, i) => time >= (times[i - 1] ?? began)))
    t.ok(times.at(-1)! - times[0]! > WEEK_MS * 0.98, 'with the times when they came')
    await bob.close()
    const own = await Device.connect(t, tcp, 'alice', 'laptop')
    await own.fetch(await delivered(server, alice, 'bob@localhost'))
    t.strictSame(own.seen, [], 'to its sender the last one is delivered, and so all of them')
    await own.close()
  })

  await t.test('with one that does not, and is handed everything', async t => {
    const ids = await week(server, alice, 'carol@localhost')
    const carol = await Device.connect(t, tcp, 'carol', 'phone')
    await carol.presence()
    while (carol.seen.length < MESSAGES) await carol.settle()
    t.strictSame(idsOf(carol.seen), ids, 'each once, in order')
    t.ok(carol.seen.every(({ delayed }) => delayed !== null))
    const handed = carol.seen.splice(0)
    await carol.fetch()
    t.strictSame(archiveIdsOf(carol.seen), archiveIdsOf(handed), 'under the ids of the archive')
    await carol.close()
    const again = await Device.connect(t, tcp, 'carol', 'phone')
    await again.presence()
    await again.settle()
    t.strictSame(again.seen, [], 'and never again')
    await again.close()
  })
})

t.test('two devices in step', { skip }, async t => {
  const server = await withArchives(t)
  const { tcp } = server.ports[0]!
  const connect = async (user: string, resource: string): Promise<Device> => {
    const device = await Device.connect(t, tcp, user, resource)
    await device.carbons()
    await device.presence()
    await device.settle()
    return device
  }
  const phone = await connect('bob', 'phone')
  const laptop = await connect('bob', 'laptop')
  const alice = await connect('alice', 'phone')
  const chat = async (from: number): Promise<void> => {
    for (let i = from; i < from + 10; i += 2) {
      await alice.send({ to: 'bob@localhost', id: String(i), body: 'Question' })
      await alice.settle()
      await phone.send({ to: 'alice@localhost', id: String(i + 1), body: 'Answer' })
      await phone.settle()
    }
    for (const device of [phone, alice]) await device.settle()
  }
  const all = Array.from({ length: 20 }, (_, i) => String(i))
  await chat(0)
  await laptop.settle()
  t.strictSame(
    idsOf(laptop.seen),
    all.slice(0, 10),
    'what the other one sent and what came, each once, in order',
  )
  t.strictSame(new Set(laptop.seen.map(({ how }) => how)), new Set(['live', 'sent']))
  t.ok(
    laptop.seen.every(({ archived }) => archived.length === 1),
    'each with its id',
  )
  const known = laptop.seen.splice(0)
  await laptop.close()
  await chat(10)

  const back = await Device.connect(t, tcp, 'bob', 'laptop')
  await back.carbons()
  await back.fetch(known.at(-1)?.archived[0])
  await back.presence()
  await back.settle()
  t.strictSame(idsOf(back.seen), all.slice(10), 'what it has missed, each once, in order')
  await alice.send({ to: 'bob@localhost/phone', id: '20', body: 'To the phone' })
  for (const device of [alice, phone, back]) await device.settle()
  t.match(back.seen.at(-1), { how: 'received', id: '20' })

  const fresh = await Device.connect(t, tcp, 'bob', 'tablet')
  await fresh.fetch()
  const ids = archiveIdsOf([...known, ...back.seen])
  t.strictSame(archiveIdsOf(fresh.seen), ids, 'a new one has the same from the archive, under the same ids')
  const sent = await Device.connect(t, tcp, 'alice', 'laptop')
  await sent.fetch()
  t.strictSame(idsOf(sent.seen), [...all, '20'], 'so has one of hers')
})

t.test('a correction and a retraction', { skip }, async t => {
  const server = await withArchives(t)
  const { tcp } = server.ports[0]!
  const alice = await Device.connect(t, tcp, 'alice', 'phone')
  const bob = await Device.connect(t, tcp, 'bob', 'phone')
  for (const device of [alice, bob]) await device.presence()
  const to = 'bob@localhost'
  await alice.send({ to, id: '1', body: 'At seven' })
  await alice.send({ to, id: '2', body: 'At eight', replaces: '1' })
  await alice.send({ to, id: '3', body: 'A secret' })
  await alice.send({ to, id: '4', body: 'I have taken it back', retracts: '3' })
  await alice.settle()
  await bob.settle()
  const came = [
    { id: '1', body: 'At seven', replaces: null, retracts: null },
    { id: '2', body: 'At eight', replaces: '1', retracts: null },
    { id: '3', body: 'A secret', replaces: null, retracts: null },
    { id: '4', body: 'I have taken it back', replaces: null, retracts: '3' },
  ]
  t.match(bob.seen, came, 'the other one sees both')
  const kept = came.map(one => (one.id === '3' ? { ...one, body: '', retracted: '4' } : one))
  for (const user of ['alice', 'bob']) {
    const fresh = await Device.connect(t, tcp, user, 'laptop')
    await fresh.fetch()
    t.match(fresh.seen, kept, `a new device of ${user} sees both, and of the secret that there was one`)
    t.match(
      fresh.seen,
      came.map(({ id }) => ({ id, sender: 'alice@localhost' })),
    )
    await fresh.close()
  }
})
