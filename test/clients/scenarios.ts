import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Certificates } from '../../src/tls/certificates.ts'
import { ServerProcess } from '../support/server-process.ts'
import { type ClientKind, type SignIn, SignInFailed, within } from './chat-client.ts'

const ACCOUNTS = ['alice@localhost', 'bob@localhost', 'carol@localhost'].map(
  address => [address, 'secret'] as const,
)

/** The server of these tests, and how alice would sign in to it. */
export interface ClientServer {
  readonly server: ServerProcess
  signIn(address: string, changes?: Partial<SignIn>): SignIn
}

/** A server process whose certificate is valid for localhost but not for chat.example, its other domain. It ends with the test. */
export async function clientServer(t: Test): Promise<ClientServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-clients-'))
  const certificates = await Certificates.open({
    hosts: [{ name: 'localhost' }],
    directory: folder,
    watch: false,
  })
  certificates.close()
  const pair = { certificate: join(folder, 'self-made.crt'), key: join(folder, 'self-made.key') }
  const config = {
    hosts: [{ name: 'localhost' }, { name: 'chat.example' }],
    tls: pair,
    limits: { 'stanza-bytes': 10_000 },
    log: { level: 'error' },
  }
  const server = await ServerProcess.start({
    accounts: [...ACCOUNTS, ['dave@chat.example', 'secret']],
    config,
  })
  t.teardown(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })
  return {
    server,
    signIn: (address, changes) => {
      const { tcp, tls, http } = server.ports
      const port = changes?.direct ? tls : tcp
      return {
        address,
        password: 'secret',
        resource: 'test',
        direct: false,
        trusted: pair.certificate,
        port,
        webSocket: `ws://localhost:${http}/ws`,
        ...changes,
      }
    },
  }
}

/** What every client must be able to do, and how it must fail. Each scenario has the accounts to itself: they run one after the other. */
export async function clientScenarios(t: Test, kind: ClientKind, at: ClientServer): Promise<void> {
  await t.test('chats both ways, over each kind of connection that it has', t => chat(t, [kind, kind], at))
  await t.test('gets what was sent while it was away: in order, once', t => offline(t, kind, at))
  await t.test('is refused with a wrong password, and as a user that does not exist', t =>
    refused(t, kind, at),
  )
  if (!kind.plain) await t.test('refuses a certificate for another name', t => wrongName(t, kind, at))
  await t.test('is replaced by a newer one of the same resource', t => conflict(t, kind, at))
  await t.test('loses its stream for a stanza that is too large, and nothing else', t =>
    oversize(t, kind, at),
  )
}

/** The end of a server that a client is still connected to. */
export async function shutdown(t: Test, kind: ClientKind, { server, signIn }: ClientServer): Promise<void> {
  const alice = await kind.connect(signIn('alice@localhost'))
  const code = server.stop()
  t.equal(await within(alice.ended, 'the end of the stream'), 'system-shutdown')
  t.equal(await code, 0)
}

/** XEP-0388, XEP-0386: a client that knows them uses them by itself, and comes back as the same device. */
export async function inOneGo(t: Test, kind: ClientKind, { signIn }: ClientServer): Promise<void> {
  const first = await kind.connect(signIn('alice@localhost'))
  t.equal(first.inOneGo, true)
  await first.close()
  const again = await kind.connect(signIn('alice@localhost'))
  t.equal(again.jid, first.jid)
  await again.close()
}

/** Alice with the first kind of client, bob with the second. */
export async function chat(
  t: Test,
  [first, second]: readonly [ClientKind, ClientKind],
  { signIn }: ClientServer,
): Promise<void> {
  const alice = await first.connect(signIn('alice@localhost'))
  const bob = await second.connect(signIn('bob@localhost', { direct: true }))
  // XEP-0386 §3.2.1: the server adds something of its own where that binds the resource.
  t.match(alice.jid, /^alice@localhost\/test(\/.+)?$/)
  t.match(bob.jid, /^bob@localhost\/test(\/.+)?$/)
  alice.send('bob@localhost', 'Grüße & <Küsse> 😀')
  t.same(await bob.next(), { from: alice.jid, body: 'Grüße & <Küsse> 😀', delayed: undefined })
  for (let i = 0; i < 20; i++) bob.send(alice.jid, `answer ${i}`)
  for (let i = 0; i < 20; i++) t.equal((await alice.next()).body, `answer ${i}`)
  await Promise.all([alice.settle(), bob.settle()])
  t.same([...alice.unread, ...bob.unread], [], 'nothing else came')
  await alice.close()
  await bob.close()
}

async function offline(t: Test, kind: ClientKind, { signIn }: ClientServer): Promise<void> {
  const alice = await kind.connect(signIn('alice@localhost'))
  for (let i = 0; i < 5; i++) alice.send('carol@localhost', `while you were away ${i}`)
  await alice.settle()
  const before = Date.now()
  const carol = await kind.connect(signIn('carol@localhost', { missed: true }))
  for (let i = 0; i < 5; i++) {
    const { from, body, delayed } = await carol.next()
    t.equal(from, alice.jid)
    t.equal(body, `while you were away ${i}`)
    t.ok(Date.parse(delayed ?? '') <= before, `kept since ${delayed}`)
  }
  await carol.close()
  const again = await kind.connect(signIn('carol@localhost'))
  await again.settle()
  t.same(again.unread, [], 'only once')
  alice.send('carol@localhost', 'now')
  t.match(await again.next(), { body: 'now', delayed: undefined })
  await again.close()
  await alice.close()
}

async function refused(t: Test, kind: ClientKind, { signIn }: ClientServer): Promise<void> {
  const wrong = await failure(kind, signIn('alice@localhost', { password: 'wrong' }))
  const unknown = await failure(kind, signIn('nobody@localhost'))
  t.equal(wrong, 'not-authorized')
  t.equal(unknown, 'not-authorized', 'looks the same')
  await (await kind.connect(signIn('alice@localhost'))).close()
}

async function wrongName(t: Test, kind: ClientKind, { signIn }: ClientServer): Promise<void> {
  t.equal(await failure(kind, signIn('dave@chat.example')), 'certificate')
  await (await kind.connect(signIn('alice@localhost'))).close()
}

async function conflict(t: Test, kind: ClientKind, { signIn }: ClientServer): Promise<void> {
  const first = await kind.connect(signIn('alice@localhost'))
  const second = await kind.connect(signIn('alice@localhost'))
  t.equal(await within(first.ended, 'the end of the first'), 'conflict')
  const bob = await kind.connect(signIn('bob@localhost'))
  bob.send('alice@localhost', 'to the second')
  t.equal((await second.next()).body, 'to the second')
  await second.close()
  await bob.close()
}

async function oversize(t: Test, kind: ClientKind, { signIn }: ClientServer): Promise<void> {
  const alice = await kind.connect(signIn('alice@localhost'))
  const bob = await kind.connect(signIn('bob@localhost'))
  alice.send('bob@localhost', 'x'.repeat(20_000))
  t.equal(await within(alice.ended, 'the end of the stream'), 'policy-violation')
  const again = await kind.connect(signIn('alice@localhost'))
  again.send('bob@localhost', 'smaller')
  t.equal((await bob.next()).body, 'smaller', 'and nothing of the other')
  await again.close()
  await bob.close()
}

async function failure(kind: ClientKind, options: SignIn): Promise<string> {
  const error = await kind.connect(options).then(
    () => new Error('it got in'),
    (error: unknown) => error,
  )
  if (!(error instanceof SignInFailed)) throw error
  return error.condition
}
