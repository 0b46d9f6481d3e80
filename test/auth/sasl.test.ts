import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import {
  channelBindings,
  decodeSasl,
  encodeSasl,
  mechanisms,
  type SaslContext,
  SaslError,
  type SaslStep,
  type SaslTls,
  start,
} from '../../src/auth/sasl.ts'
import { systemClock } from '../../src/core/clock.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { JID } from '../../src/xml/jid.ts'
import { ScramClient, type ScramClientOptions } from '../support/scram-client.ts'

const ALICE = JID.parse('alice@localhost')
const NOT_AUTHORIZED = { kind: 'failure', condition: 'not-authorized' }
const TLS: SaslTls = {
  protocol: 'TLSv1.3',
  exporter: (label, length) => Buffer.from(label).subarray(0, length),
  endPointHash: () => Buffer.from('hash of the certificate'),
}
const EXPORTED = { type: 'tls-exporter', data: Buffer.from('EXPORTER-Channel-Binding') }
const END_POINT = { type: 'tls-server-end-point', data: Buffer.from('hash of the certificate') }

/** A stream's context, with TLS or without, and one account: alice, "secret". */
async function setup(options: { tls?: SaslTls; plainWithoutTls?: boolean } = {}): Promise<SaslContext> {
  const accounts = new Accounts(memoryStorage({ clock: systemClock }), { iterations: 10 })
  await accounts.create(ALICE, 'secret')
  return contextWith(accounts, options)
}

function contextWith(accounts: Accounts, options: { tls?: SaslTls; plainWithoutTls?: boolean }): SaslContext {
  const { tls, plainWithoutTls = false } = options
  const types = channelBindings(tls)
  const names = mechanisms({ tls: tls !== undefined, plainWithoutTls, channelBindings: types })
  return { host: 'localhost', accounts, tls, offered: { mechanisms: names, channelBindings: types } }
}

/** Holds a whole SCRAM exchange; the last step of the server. */
async function scram(context: SaslContext, options: Partial<ScramClientOptions> = {}): Promise<SaslStep> {
  const mechanism = options.mechanism ?? 'SCRAM-SHA-256'
  const client = new ScramClient({
    mechanism,
    username: 'alice',
    password: 'secret',
    offered: context.offered,
    ...options,
  })
  const exchange = start(mechanism, context)
  const challenge = await exchange.step(client.first())
  if (challenge.kind !== 'challenge') return challenge
  const end = await exchange.step(client.final(challenge.data!))
  if (end.kind === 'success') client.verify(end.data)
  return end
}

/** PLAIN in one step; `*` stands for the NUL between the parts. */
function plain(context: SaslContext, message: string): Promise<SaslStep> {
  return start('PLAIN', context).step(Buffer.from(message.replaceAll('*', '\0')))
}

function failure(condition: string): object {
  return { kind: 'failure', condition }
}

t.test('what is offered, in order of preference', async t => {
  const names = (tls: boolean, plainWithoutTls: boolean, ...types: string[]) =>
    mechanisms({ tls, plainWithoutTls, channelBindings: types }).join(' ')
  const scram = 'SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1'
  const plus = 'SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS'
  t.equal(names(false, false), scram)
  t.equal(names(false, true), `${scram} PLAIN`)
  t.equal(names(true, false), `${scram} PLAIN`)
  t.equal(names(true, false, 'tls-exporter'), `${plus} ${scram} PLAIN`)
})

// RFC 9266 §3: tls-exporter for TLS 1.3; for older versions only where the extended master secret is sure.
t.test('channel binding types are what the connection has', async t => {
  t.same(channelBindings(undefined), [])
  t.same(channelBindings(TLS), ['tls-exporter', 'tls-server-end-point'])
  t.same(channelBindings({ ...TLS, protocol: 'TLSv1.2' }), ['tls-server-end-point'])
  t.same(channelBindings({ ...TLS, endPointHash: () => undefined }), ['tls-exporter'])
})

t.test('every mechanism signs in, with every channel binding type it goes with', async t => {
  const context = await setup({ tls: TLS })
  for (const mechanism of context.offered.mechanisms.filter(name => name.startsWith('SCRAM')))
    for (const binding of mechanism.endsWith('-PLUS') ? [EXPORTED, END_POINT] : [undefined]) {
      const end = await scram(context, { mechanism, ...(binding && { binding }) })
      t.match(end, { kind: 'success', jid: ALICE }, `${mechanism} ${binding?.type}`)
    }
  t.same(await plain(context, '*alice*secret'), { kind: 'success', data: undefined, jid: ALICE })
})

t.test('names are prepared, the address given back is bare', async t => {
  const context = await setup()
  t.match(await scram(context, { username: 'ALICE' }), { kind: 'success', jid: ALICE })
  t.match(await scram(context, { username: 'alice', authzid: 'Alice@LOCALHOST' }), {
    kind: 'success',
    jid: ALICE,
  })
})

t.test('wrong password, unknown user, impossible name: one answer for all', async t => {
  const context = await setup({ tls: TLS })
  const wrong = [
    { password: 'Secret' },
    { username: 'nobody' },
    { username: 'alice@localhost' },
    { username: 'a b' },
    { username: '/' },
  ]
  for (const options of wrong) {
    const end = await scram(context, options)
    t.same(end, { kind: 'failure', condition: 'not-authorized', text: undefined }, JSON.stringify(options))
  }
  for (const message of [
    '*alice*Secret',
    '*nobody*secret',
    '*alice@localhost*secret',
    '*alice*\t',
    '*alice*',
  ]) {
    const end = await plain(context, message)
    t.same(end, { kind: 'failure', condition: 'not-authorized', text: undefined }, message)
  }
})

// RFC 5802 §5.1 lets the server answer an unknown user with the same message as a known one: ours differs in nothing but values.
t.test('an unknown user gets a challenge like any other, the same salt each time', async t => {
  const context = await setup()
  const challengeFor = async (username: string) => {
    const step = await start('SCRAM-SHA-1', context).step(Buffer.from(`n,,n=${username},r=abc`))
    return step.kind === 'challenge' ? step.data!.toString().replace(/^r=abc[^,]+,/, '') : step.kind
  }
  const unknown = await challengeFor('nobody')
  t.equal(await challengeFor('nobody'), unknown)
  t.equal(await challengeFor('NOBODY'), unknown)
  t.not(await challengeFor('somebody'), unknown)
  const shape = /^s=[A-Za-z0-9+/]{22}==,i=10,h=[A-Za-z0-9+/]{27}=$/
  t.match(unknown, shape)
  t.match(await challengeFor('alice'), shape)
})

// RFC 6120 §6.3.8, §6.5.6: an authorization identity that is incorrectly formatted or not the entity's own.
t.test('a foreign or malformed authorization identity is refused', async t => {
  const context = await setup({ tls: TLS })
  for (const authzid of [
    'bob@localhost',
    'alice@other.example',
    'alice@localhost/phone',
    'alice',
    'a b@localhost',
  ]) {
    t.match(await scram(context, { authzid }), failure('invalid-authzid'), authzid)
    t.match(await plain(context, `${authzid}*alice*secret`), failure('invalid-authzid'), authzid)
  }
  t.match(await plain(context, 'alice@localhost*alice*secret'), { kind: 'success' })
})

// RFC 5802 §6: "y" means the client thinks that the server does not support channel binding, while this one offered it.
t.test('the downgrade rule: flag y fails where a -PLUS was offered, and only there', async t => {
  t.match(await scram(await setup({ tls: TLS }), { flag: 'y' }), failure('not-authorized'))
  t.match(await scram(await setup({ tls: TLS }), { flag: 'n' }), { kind: 'success' })
  t.match(await scram(await setup(), { flag: 'y' }), { kind: 'success' })
})

t.test('channel binding of another connection is refused', async t => {
  const context = await setup({ tls: TLS })
  const mechanism = 'SCRAM-SHA-256-PLUS'
  const attempt = (type: string, data: string) =>
    scram(context, { mechanism, binding: { type, data: Buffer.from(data) } })
  t.match(await attempt('tls-exporter', 'of another connection'), failure('not-authorized'))
  t.match(await attempt('tls-server-end-point', 'EXPORTER-Channel-Binding'), failure('not-authorized'))
  t.match(await attempt('tls-unique', 'x'), failure('not-authorized'))
  t.match(await attempt('constructor', 'x'), failure('not-authorized'))
  t.match(await scram(context, { mechanism }), failure('not-authorized'), 'a -PLUS without binding')
  t.match(
    await scram(context, { binding: EXPORTED }),
    failure('malformed-request'),
    'binding without a -PLUS',
  )
  const tls12 = await setup({ tls: { ...TLS, protocol: 'TLSv1.2' } })
  t.match(
    await scram(tls12, { mechanism, binding: EXPORTED }),
    failure('not-authorized'),
    'a type that was not offered',
  )
  t.match(await scram(tls12, { mechanism, binding: END_POINT }), { kind: 'success' })
  const offered = { mechanisms: context.offered.mechanisms, channelBindings: ['tls-server-end-point'] }
  const fewer = await scram({ ...context, offered }, { mechanism, binding: EXPORTED })
  t.match(fewer, failure('not-authorized'), 'a type that the stream has and did not offer')
})

// RFC 6120 §6.5.7: invalid-mechanism; §6.5.4: encryption-required.
t.test('only what was offered can be used', async t => {
  const context = await setup()
  const message = Buffer.from('\0alice\0secret')
  t.match(await start('PLAIN', context).step(message), failure('encryption-required'))
  for (const name of ['X', '', 'plain', 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-224', 'EXTERNAL', 'constructor'])
    t.match(await start(name, context).step(message), failure('invalid-mechanism'), name)
  const odd = { ...context, offered: { mechanisms: ['X-ODD'], channelBindings: [] } }
  t.match(await start('X-ODD', odd).step(message), failure('invalid-mechanism'), 'not ours')
  t.match(await plain(await setup({ plainWithoutTls: true }), '*alice*secret'), { kind: 'success' })
})

// RFC 6120 §6.4.2: without an initial response, the receiving entity sends an empty challenge.
t.test('the initial response may come later', async t => {
  const context = await setup({ tls: TLS })
  const late = start('PLAIN', context)
  t.same(await late.step(undefined), { kind: 'challenge', data: undefined })
  t.match(await late.step(Buffer.from('\0alice\0secret')), { kind: 'success' })
  const never = start('SCRAM-SHA-1', context)
  await never.step(undefined)
  t.match(await never.step(undefined), failure('malformed-request'))
  t.match(await start('PLAIN', context).step(Buffer.alloc(0)), failure('malformed-request'))
})

t.test('an exchange that has ended stays ended', async t => {
  const context = await setup({ tls: TLS })
  const exchange = start('PLAIN', context)
  t.match(await exchange.step(Buffer.from('\0alice\0wrong')), failure('not-authorized'))
  t.match(await exchange.step(Buffer.from('\0alice\0secret')), failure('malformed-request'))
  const done = start('PLAIN', context)
  t.match(await done.step(Buffer.from('\0alice\0secret')), { kind: 'success' })
  t.match(await done.step(Buffer.from('\0alice\0secret')), failure('malformed-request'))
})

t.test('PLAIN that breaks its grammar', async t => {
  const context = await setup({ tls: TLS })
  for (const message of ['', '*', 'alice', 'alice*secret', '**secret', '*alice*secret*', '*alice*sec*ret'])
    t.match(await plain(context, message), failure('malformed-request'), message)
  const invalid = Buffer.concat([Buffer.from('\0alice\0'), Buffer.from([0xff])])
  t.match(await start('PLAIN', context).step(invalid), failure('malformed-request'))
})

t.test('an account removed or changed between challenge and response lets nobody in', async t => {
  const change: Record<string, (accounts: Accounts) => Promise<unknown>> = {
    removed: accounts => accounts.remove(ALICE),
    'new password': accounts => accounts.setPassword(ALICE, 'new'),
    'same password again': accounts => accounts.setPassword(ALICE, 'secret'),
  }
  for (const [name, apply] of Object.entries(change)) {
    const context = await setup()
    const client = new ScramClient({ mechanism: 'SCRAM-SHA-1', username: 'alice', password: 'secret' })
    const exchange = start('SCRAM-SHA-1', context)
    const challenge = await exchange.step(client.first())
    await apply(context.accounts)
    const final = client.final(challenge.kind === 'challenge' ? challenge.data! : Buffer.alloc(0))
    t.match(await exchange.step(final), failure('not-authorized'), name)
  }
})

t.test(
  'whoever lost the password or the account signs in no more, on SQLite, which keeps accounts in memory',
  async t => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-sasl-'))
    const storage = await openSqlite({ folder })
    t.teardown(async () => {
      await storage.close()
      rmSync(folder, { recursive: true })
    })
    const [here, there] = [1, 2].map(() => new Accounts(storage, { iterations: 1 }))
    const signIn = (password: string) => scram(contextWith(here!, { tls: TLS }), { password })
    await here!.create(ALICE, 'secret')
    for (let round = 0; round < 20; round++) {
      const [old, next] = [round === 0 ? 'secret' : `${round}`, `${round + 1}`]
      t.match(await signIn(old), { kind: 'success' })
      // One exchange has its challenge when the password changes, by another node; others begin while it does.
      const client = new ScramClient({
        mechanism: 'SCRAM-SHA-256',
        username: 'alice',
        password: old,
        offered: contextWith(here!, { tls: TLS }).offered,
      })
      const exchange = start('SCRAM-SHA-256', contextWith(here!, { tls: TLS }))
      const challenge = await exchange.step(client.first())
      const during = [signIn(old), signIn(next)]
      await there!.setPassword(ALICE, next)
      t.match(await exchange.step(client.final((challenge as { data: Buffer }).data)), NOT_AUTHORIZED)
      t.match(await signIn(old), NOT_AUTHORIZED)
      t.match(await signIn(next), { kind: 'success' })
      await Promise.all(during)
    }
    await there!.remove(ALICE)
    t.equal(await here!.exists(ALICE), false)
    t.match(await signIn('20'), NOT_AUTHORIZED)
    await there!.create(ALICE, 'again')
    t.match(await signIn('again'), { kind: 'success' })
    await storage.forget(ALICE)
    t.match(await signIn('again'), NOT_AUTHORIZED)
  },
)

t.test('a storage that fails is a temporary failure, with its cause for the log only', async t => {
  const storage = memoryStorage({ clock: systemClock })
  const context = contextWith(new Accounts(storage, { iterations: 10 }), { tls: TLS })
  await storage.close()
  for (const step of [await scram(context), await plain(context, '*alice*secret')])
    t.match(step, {
      kind: 'failure',
      condition: 'temporary-auth-failure',
      text: undefined,
      cause: { code: 'closed' },
    })
})

t.test('too many passwords to check is a temporary failure', async t => {
  const accounts = new Accounts(memoryStorage({ clock: systemClock }), {
    iterations: 1000,
    concurrency: 1,
    queue: 1,
  })
  const context = contextWith(accounts, { tls: TLS })
  const steps = await Promise.all(Array.from({ length: 5 }, () => plain(context, '*alice*secret')))
  const conditions = steps.map(step => (step.kind === 'failure' ? step.condition : step.kind)).sort()
  t.same(conditions, [...Array(2).fill('not-authorized'), ...Array(3).fill('temporary-auth-failure')])
})

// RFC 6120 §6.5.5, RFC 4648 §4: strict; §6.4.2: a zero-length response is sent as a single equals sign.
t.test('Base64 is strict', async t => {
  t.equal(decodeSasl(''), undefined)
  t.same(decodeSasl('='), Buffer.alloc(0))
  t.same(decodeSasl('AGEAYg=='), Buffer.from('\0a\0b'))
  for (const text of [
    'AGEAYg',
    'AGEAYg=',
    'AGEAYg===',
    'AGEAYh==',
    ' AGEAYg==',
    'AGEA\nYg==',
    'AGE_',
    'A',
    '====',
    '€',
  ])
    t.throws(() => decodeSasl(text), new SaslError('incorrect-encoding'), text)
  t.equal(encodeSasl(undefined), '')
  t.equal(encodeSasl(Buffer.alloc(0)), '=')
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), bytes => {
      const buffer = Buffer.from(bytes)
      return decodeSasl(encodeSasl(buffer))!.equals(buffer)
    }),
  )
})

t.test('garbage at any step of any mechanism fails, and never throws', async t => {
  const context = await setup({ tls: TLS })
  const piece = fc.constantFrom(
    'n,',
    'y,',
    'p=tls-exporter,',
    ',',
    'a=',
    'n=alice',
    'r=abc',
    'c=biws',
    '\0',
    'alice',
  )
  const text = fc.array(fc.oneof(piece, fc.string({ maxLength: 4, unit: 'binary' })), { maxLength: 8 })
  const message = fc.option(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
      text.map(pieces => Buffer.from(pieces.join(''))),
    ),
    { nil: undefined },
  )
  const mechanism = fc.constantFrom(...context.offered.mechanisms, 'EXTERNAL')
  const ends = new Set<string>()
  await fc.assert(
    fc.asyncProperty(mechanism, fc.array(message, { minLength: 1, maxLength: 4 }), async (name, messages) => {
      const exchange = start(name, context)
      for (const each of messages) {
        const step = await exchange.step(each)
        ends.add(step.kind === 'failure' ? step.condition : step.kind)
      }
    }),
    { numRuns: 1000 },
  )
  t.notOk(ends.has('success'))
  t.notOk(ends.has('temporary-auth-failure'))
  t.ok(ends.has('malformed-request') && ends.has('challenge'))
})
