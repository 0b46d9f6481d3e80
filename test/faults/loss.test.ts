/**
 * Messages that never get lost: a real server, real sockets, through a proxy that does to them what mobile networks do. Whatever the
 * sender has an acknowledgement for (XEP-0198) reaches every device of the recipient, once, in order.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CountingClient } from '../support/counting-client.ts'
import { ServerProcess } from '../support/server-process.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { count, describe, NONE } from './loss-count.ts'
import type { Mutation } from './preload.ts'
import { mutateProgram } from './programs.ts'

const FULL = process.env.TIDINGS_FULL === '1'
/** The shortest that may be configured: this long a socket is believed to be alive. */
const ACKNOWLEDGE_SECONDS = 5
const PASSWORD = 'secret'
const HALF = 50

t.jobs = 1
t.setTimeout(600_000)

const listener = { address: '127.0.0.1', port: 0 }
const CONFIG = {
  listeners: {
    xmpp: { ...listener, tls: 'offered' },
    'xmpp-tls': listener,
    http: listener,
    metrics: false,
  },
  limits: { 'acknowledge-seconds': ACKNOWLEDGE_SECONDS },
}

/** What drops messages that are sent again, switched off: those that have an id of their own, and those that have not. */
const DEDUPE_OFF: Readonly<Record<'own' | 'none', Mutation>> = {
  own: {
    file: 'extensions/archive/recorder.ts',
    find: "if (!message.has('origin-id', NS.stanzaIds)) return undefined",
    replace: 'if (message !== undefined) return undefined',
  },
  none: {
    file: 'core/resends.ts',
    find: 'if (session.earlier === undefined) return false',
    replace: 'if (session !== undefined) return false',
  },
}

const start = (): Promise<ServerProcess> =>
  ServerProcess.start({
    accounts: ['alice', 'bob'].map(name => [`${name}@localhost`, PASSWORD] as const),
    config: CONFIG,
  })

const server = await start()
t.teardown(() => server.stop())

let rounds = 0

/** Alice's devices and Bob, each behind a proxy of their own. Each scene has resources of its own: sessions outlive their scenes. */
async function scene(t: Test, target = server, originIds = true) {
  const round = ++rounds
  const behind = async (user: string, resource: string) => {
    const proxy = await TcpProxy.start(() => target.ports.tcp)
    t.teardown(() => proxy.close())
    if (FULL) proxy.delay = round % 3
    const who = { user, password: PASSWORD, resource, receipts: resource === 'phone' }
    const client = new CountingClient({ port: () => proxy.port, ...who })
    t.teardown(() => client.drop())
    return { client, proxy }
  }
  const phone = await behind('alice', 'phone')
  const desk = await behind('alice', 'desk')
  const bob = await behind('bob', 'home')
  const sent: string[] = []
  const write = (): void => {
    for (let i = 0; i < HALF; i++) {
      const id = `${round}-${sent.length}`
      sent.push(id)
      bob.client.send('alice@localhost', id, originIds)
    }
  }
  await bob.client.connect('anew')
  return { phone, desk, bob, sent, write }
}

type Scene = Awaited<ReturnType<typeof scene>>

/** How the scene ended for one of Alice's devices. */
function check(t: Test, name: string, { sent, bob }: Scene, device: CountingClient, allowed = NONE): void {
  const losses = count(sent, bob.client.acknowledged, device.received)
  t.comment(`${name}: ${describe(losses)}`)
  t.same(losses, allowed, name)
  t.same(
    [...new Set(device.received)].filter(id => sent.includes(id)),
    sent,
    `${name} has all of them, in order`,
  )
  t.equal(sent.filter(id => bob.client.acknowledged.has(id)).length, sent.length, 'Bob sees all acknowledged')
}

/** The same of one that shows what its archive has. What comes over the wire twice it can tell. */
function checkShown(t: Test, name: string, { sent, bob }: Scene, { received, shown }: CountingClient): void {
  const losses = count(sent, bob.client.acknowledged, received, shown.ids)
  t.comment(`${name}: ${describe(losses)}`)
  t.same({ ...losses, raw: 0 }, NONE, name)
  t.same(
    shown.ids.filter(id => sent.includes(id)),
    sent,
    `${name} shows all of them, in order`,
  )
}

/** Bob sees a tick at each of his messages: XEP-0184. */
async function ticks(t: Test, { sent, bob }: Scene): Promise<void> {
  const ticked = (): string[] => sent.filter(id => bob.client.ticks.includes(id))
  await bob.client.until(() => ticked().length === sent.length).catch(() => {})
  t.same(ticked(), sent, 'Bob sees that all have come')
}

/** Ends a scene in order, so that nothing of it is left for the next one. */
async function leave({ phone, desk, bob }: Scene): Promise<void> {
  for (const { client } of [phone, desk, bob]) await client.close()
}

const WAYS = {
  'its network is gone': (proxy: TcpProxy) => proxy.vanish(),
  'it stops reading': (proxy: TcpProxy) => proxy.stall(),
}

// Each takes as long as a socket is believed to be alive.
for (const [way, breaks] of Object.entries(WAYS).slice(0, FULL ? undefined : 1))
  for (const how of ['resume', 'anew', 'fetch'] as const)
    t.test(
      `a phone is lost, since ${way}; found dead; it comes back (${how}) while more is sent`,
      async t => {
        const all = await scene(t)
        const { phone, bob, sent, write } = all
        await phone.client.connect('anew')
        breaks(phone.proxy)
        write()
        await bob.client.allAcknowledged()
        t.equal(phone.client.received.length, 0)
        await phone.proxy.lost()
        write()
        phone.client.drop()
        t.equal(await phone.client.connect(how), how === 'resume' ? 'resumed' : 'new')
        await bob.client.allAcknowledged()
        await phone.client.until(() => sent.every(id => phone.client.received.includes(id)))
        await phone.client.quiet(200)
        if (how === 'fetch') checkShown(t, 'phone', all, phone.client)
        else check(t, 'phone', all, phone.client)
        await ticks(t, all)
        await leave(all)
      },
    )

t.test('a phone comes back before its socket is found dead', async t => {
  const all = await scene(t)
  const { phone, bob, sent, write } = all
  await phone.client.connect('anew')
  phone.proxy.vanish()
  write()
  await bob.client.allAcknowledged()
  write()
  t.equal(await phone.client.connect('resume'), 'resumed')
  await bob.client.allAcknowledged()
  await phone.client.until(() => phone.client.received.length >= sent.length)
  await phone.client.quiet(200)
  check(t, 'phone', all, phone.client)
  await leave(all)
})

t.test('two devices: one is lost and resumes, the other one is there', async t => {
  const all = await scene(t)
  const { phone, desk, bob, sent, write } = all
  await desk.client.connect('anew')
  await phone.client.connect('anew')
  phone.proxy.vanish()
  write()
  await bob.client.allAcknowledged()
  write()
  t.equal(await phone.client.connect('resume'), 'resumed')
  await bob.client.allAcknowledged()
  for (const { client } of [phone, desk]) await client.until(() => client.received.length >= sent.length)
  await phone.client.quiet(200)
  check(t, 'phone', all, phone.client)
  check(t, 'desk', all, desk.client)
  await ticks(t, all)
  await leave(all)
})

t.test(
  'two devices: one is lost and comes back anew, and fetches what only the other one has got',
  async t => {
    const all = await scene(t)
    const { phone, desk, bob, sent, write } = all
    await desk.client.connect('anew')
    // It has all that there is.
    await phone.client.connect('fetch')
    const before = phone.client.shown.ids.length
    phone.proxy.vanish()
    write()
    await bob.client.allAcknowledged()
    await desk.client.until(() => desk.client.received.length >= HALF)
    write()
    t.equal(await phone.client.connect('fetch'), 'new')
    await bob.client.allAcknowledged()
    await desk.client.until(() => desk.client.received.length >= sent.length)
    await phone.client.until(() => phone.client.shown.ids.length >= before + sent.length)
    await phone.client.quiet(200)
    check(t, 'desk', all, desk.client)
    checkShown(t, 'phone', all, phone.client)
    await ticks(t, all)
    await leave(all)
  },
)

t.test('a sender who is lost resumes, and sends again only what had not arrived', async t => {
  const all = await scene(t)
  const { phone, bob, sent, write } = all
  await phone.client.connect('anew')
  write()
  bob.proxy.vanish()
  write()
  t.equal(await bob.client.connect('resume'), 'resumed')
  await bob.client.allAcknowledged()
  await phone.client.until(() => phone.client.received.length >= sent.length)
  await phone.client.quiet(200)
  check(t, 'phone', all, phone.client)
  await leave(all)
})

/** Bob's messages arrive, their acknowledgements do not: he sends all again in a new session. */
async function sendAgain(t: Test, target: ServerProcess, originIds: boolean): Promise<Scene> {
  const all = await scene(t, target, originIds)
  const { phone, bob, sent, write } = all
  await phone.client.connect('anew')
  bob.proxy.mute()
  write()
  await phone.client.until(() => phone.client.received.length >= HALF)
  bob.proxy.vanish()
  t.equal(await bob.client.connect('anew'), 'new')
  write()
  await bob.client.allAcknowledged()
  await phone.client.until(() => new Set(phone.client.received).size >= sent.length)
  await phone.client.quiet(200)
  return all
}

t.test('a sender who is lost sends everything again that it has no acknowledgement for', async t => {
  const all = await sendAgain(t, server, true)
  check(t, 'phone', all, all.phone.client)
  await leave(all)
})

t.test('so does one whose messages have no id of their own', async t => {
  const all = await sendAgain(t, server, false)
  check(t, 'phone', all, all.phone.client)
  await leave(all)
})

for (const [ids, mutation] of Object.entries(DEDUPE_OFF))
  t.test(`caught: duplicates are not dropped (ids of their own: ${ids})`, async t => {
    const mistaken = await start()
    t.teardown(() => mistaken.stop())
    await mistaken.end('SIGTERM')
    const folder = await mkdtemp(join(tmpdir(), 'tidings-loss-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    await mistaken.restart({ entry: mutateProgram(folder, [mutation]) })
    const { sent, bob, phone } = await sendAgain(t, mistaken, ids === 'own')
    const { raw } = count(sent, bob.client.acknowledged, phone.client.received)
    t.equal(raw, HALF)
  })
