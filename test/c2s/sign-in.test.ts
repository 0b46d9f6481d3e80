/** RFC 6120 §6 (SASL) and XEP-0388 on a stream; the mechanisms themselves are tested in test/auth. */
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { c2s, header, PASSWORD, plainAuth } from '../support/c2s.ts'
import { RawClient } from '../support/raw-client.ts'
import { clientBinding, ScramClient } from '../support/scram-client.ts'

/** The two forms of SASL in elements: RFC 6120 §6.4 and XEP-0388. */
const FORMS = {
  SASL: {
    namespace: NS.sasl,
    list: 'mechanisms',
    begin: auth,
    success: /<(success|failure) [^>]*>([^<]*)/,
    failure: (condition: string) => `<failure xmlns="${NS.sasl}"><${condition}/></failure>`,
  },
  SASL2: {
    namespace: NS.sasl2,
    list: 'authentication',
    begin: authenticate,
    success: /<(success|failure) [^>]*>(?:<additional-data>([^<]*))?/,
    failure: (condition: string) =>
      `<failure xmlns="${NS.sasl2}"><${condition} xmlns="${NS.sasl}"/></failure>`,
  },
} as const
type Form = (typeof FORMS)[keyof typeof FORMS]
const BOTH = Object.entries(FORMS)

interface Opened {
  readonly client: RawClient
  readonly form: Form
  readonly mechanisms: readonly string[]
  readonly channelBindings: readonly string[]
}

/** Opens a stream on a connection and reads what it offers in one form. */
async function open(client: RawClient, form: Form = FORMS.SASL): Promise<Opened> {
  client.send(header())
  const [features] = await client.expect(/<stream:features>.*<\/stream:features>/)
  const [list = ''] = new RegExp(`<${form.list} .*</${form.list}>`).exec(features) ?? []
  const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(match => match[1]!)
  return {
    client,
    form,
    mechanisms: all(list, /<mechanism>([^<]*)</g),
    channelBindings: all(features, /<channel-binding type="([^"]*)"/g),
  }
}

/** How somebody signs in by SCRAM. */
interface Scram {
  readonly user?: string
  readonly password?: string
  readonly binding?: ReturnType<typeof clientBinding>
  readonly flag?: string
  /** Happens between the challenge and its answer. */
  readonly meanwhile?: () => Promise<unknown>
}

/** Tries to sign in by SCRAM; resolves with the name of the last element: success or failure. */
async function scram(
  { client, form, mechanisms, channelBindings }: Opened,
  mechanism: string,
  how: Scram = {},
): Promise<string> {
  const exchange = new ScramClient({
    mechanism,
    username: how.user ?? 'alice',
    password: how.password ?? PASSWORD,
    ...(how.binding && { binding: how.binding }),
    ...(how.flag && { flag: how.flag }),
    offered: { mechanisms, channelBindings },
  })
  client.send(form.begin(mechanism, exchange.first().toString('base64')))
  const [, what, data = ''] = await client.expect(/<(challenge|failure) [^>]*>([^<]*)/)
  if (what !== 'challenge') return String(what)
  await how.meanwhile?.()
  const final = exchange.final(Buffer.from(data, 'base64')).toString('base64')
  client.send(`<response xmlns='${form.namespace}'>${final}</response>`)
  const [, verdict, proof = ''] = await client.expect(form.success)
  if (verdict === 'success') exchange.verify(Buffer.from(proof, 'base64'))
  return String(verdict)
}

t.test('every SCRAM mechanism signs in, without TLS too', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' } })
  for (const hash of ['SHA-512', 'SHA-256', 'SHA-1']) {
    const opened = await open(await RawClient.connect(port))
    t.equal(await scram(opened, `SCRAM-${hash}`), 'success', hash)
    // RFC 6120 §6.4.6: a new stream, which offers binding.
    opened.client.send(header())
    t.ok(await opened.client.expect(`<bind xmlns="${NS.bind}"/>`))
  }
})

for (const [name, form] of BOTH) {
  t.test(`every SCRAM mechanism with either channel binding, over TLS 1.3, in ${name}`, async t => {
    const { port } = await c2s(t, { listen: { tls: 'direct' } })
    for (const hash of ['SHA-512', 'SHA-256', 'SHA-1'])
      for (const type of ['tls-exporter', 'tls-server-end-point'] as const) {
        const opened = await open(await RawClient.connectTls(port), form)
        const binding = clientBinding(opened.client.tls, type)
        t.equal(await scram(opened, `SCRAM-${hash}-PLUS`, { binding }), 'success', `${hash} ${type}`)
      }
  })

  t.test(`channel binding after STARTTLS, in ${name}`, async t => {
    const { port } = await c2s(t)
    const { client } = await open(await RawClient.connect(port), form)
    client.send(`<starttls xmlns='${NS.tls}'/>`)
    await client.expect('<proceed')
    await client.startTls()
    const binding = clientBinding(client.socket as TLSSocket, 'tls-exporter')
    t.equal(await scram(await open(client, form), 'SCRAM-SHA-256-PLUS', { binding }), 'success')
  })

  t.test(`what has changed since the challenge lets nobody in, in ${name}`, async t => {
    const { port, accounts } = await c2s(t, { listen: { tls: 'off' } })
    const alice = JID.parse('alice@localhost')
    const opened = await open(await RawClient.connect(port), form)
    const changed = { meanwhile: () => accounts.setPassword(alice, 'another') }
    t.equal(await scram(opened, 'SCRAM-SHA-256', changed), 'failure')
    const removed = { password: 'another', meanwhile: () => accounts.remove(alice) }
    t.equal(await scram(opened, 'SCRAM-SHA-256', removed), 'failure')
    t.equal(await scram(opened, 'SCRAM-SHA-256', { user: 'bob' }), 'success')
  })
}

t.test('TLS 1.2 has no exporter to bind to', async t => {
  const { port } = await c2s(t, { listen: { tls: 'direct' } })
  const opened = await open(await RawClient.connectTls(port, { maxVersion: 'TLSv1.2' }))
  // RFC 9266 §3
  t.same(opened.channelBindings, ['tls-server-end-point'])
  const exporter = clientBinding(opened.client.tls, 'tls-exporter')
  t.equal(await scram(opened, 'SCRAM-SHA-256-PLUS', { binding: exporter }), 'failure')
  const endPoint = clientBinding(opened.client.tls, 'tls-server-end-point')
  t.equal(await scram(opened, 'SCRAM-SHA-256-PLUS', { binding: endPoint }), 'success')
})

for (const [name, form] of BOTH) {
  t.test(`somebody in between is noticed, in ${name}`, async t => {
    const { port } = await c2s(t, { listen: { tls: 'direct' } })
    const elsewhere = await RawClient.connectTls(port)
    const binding = clientBinding(elsewhere.tls, 'tls-exporter')
    const opened = await open(await RawClient.connectTls(port), form)
    t.equal(await scram(opened, 'SCRAM-SHA-256-PLUS', { binding }), 'failure', 'bound to another connection')
    // RFC 5802 §6: the client would have bound, had it seen a mechanism for it.
    t.equal(await scram(opened, 'SCRAM-SHA-256', { flag: 'y' }), 'failure', 'no -PLUS seen')
    t.equal(await scram(opened, 'SCRAM-SHA-256'), 'success')
  })

  t.test(`a wrong password and an unknown user look the same, in ${name}`, async t => {
    const { port } = await c2s(t, { listen: { tls: 'off' } })
    const opened = await open(await RawClient.connect(port), form)
    for (const user of ['alice', 'nobody']) {
      opened.client.send(form.begin('PLAIN', base64(`\0${user}\0wrong`)))
      t.ok(await opened.client.expect(form.failure('not-authorized')))
    }
    t.equal(await scram(opened, 'SCRAM-SHA-1', { password: 'wrong' }), 'failure')
    t.equal(await scram(opened, 'SCRAM-SHA-1', { user: 'nobody' }), 'failure')
  })
}

/** RFC 6120 §6.5: what is refused, by its condition. */
const REFUSED: [condition: string, ...sent: string[]][] = [
  ['aborted', auth('SCRAM-SHA-1', 'biws'), `<abort xmlns='${NS.sasl}'/>`],
  ['aborted', `<abort xmlns='${NS.sasl}'/>`],
  ['incorrect-encoding', auth('PLAIN', 'no base64!')],
  ['incorrect-encoding', auth('PLAIN', 'YQ==YQ==')],
  ['invalid-authzid', auth('PLAIN', base64('bob@localhost\0alice\0wonderland'))],
  ['invalid-mechanism', auth('EXTERNAL', '=')],
  ['invalid-mechanism', auth('SCRAM-SHA-1-PLUS', '=')],
  ['invalid-mechanism', `<auth xmlns='${NS.sasl}'/>`],
  ['malformed-request', auth('PLAIN', base64('alice'))],
  ['malformed-request', auth('SCRAM-SHA-1', base64('nonsense'))],
  ['malformed-request', `<response xmlns='${NS.sasl}'/>`],
  ['malformed-request', `<success xmlns='${NS.sasl}'/>`],
  ['not-authorized', auth('PLAIN', base64('\0alice\0wrong'))],
]

function auth(mechanism: string, data: string): string {
  return `<auth xmlns='${NS.sasl}' mechanism='${mechanism}'>${data}</auth>`
}

function authenticate(mechanism: string, data: string): string {
  const initial = `<initial-response>${data}</initial-response>`
  return `<authenticate xmlns='${NS.sasl2}' mechanism='${mechanism}'>${initial}</authenticate>`
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

t.test('each failure has its condition, and the client may try again', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' } })
  for (const [condition, ...sent] of REFUSED) {
    const { client } = await open(await RawClient.connect(port))
    for (const text of sent) client.send(text)
    t.ok(await client.expect(new RegExp(`<failure xmlns="${NS.sasl}"><${condition}/>`)), condition)
    client.send(plainAuth('alice'))
    t.ok(await client.expect('<success'))
  }
})

t.test('a mechanism without an initial response is asked for it', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' } })
  const { client } = await open(await RawClient.connect(port))
  // RFC 6120 §6.4.2: an empty challenge.
  client.send(auth('PLAIN', ''))
  t.ok(await client.expect(`<challenge xmlns="${NS.sasl}"/>`))
  client.send(`<response xmlns='${NS.sasl}'>${base64('\0alice\0wonderland')}</response>`)
  t.ok(await client.expect(`<success xmlns="${NS.sasl}"/>`))
})

t.test('a new attempt in the middle of one gives that up', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' } })
  const { client } = await open(await RawClient.connect(port))
  client.send(auth('SCRAM-SHA-1', base64('n,,n=alice,r=abc')))
  await client.expect('<challenge')
  client.send(plainAuth('alice'))
  t.ok(await client.expect('<success'))
})

t.test('the number of failures on a stream is bounded', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' } })
  const { client } = await open(await RawClient.connect(port))
  for (let i = 1; i <= 10; i++) {
    client.send(plainAuth('alice', 'wrong'))
    await client.expect('</failure>')
  }
  // RFC 6120 §6.4.5
  t.match(await client.end(), /^<stream:error><policy-violation .*<\/stream:error><\/stream:stream>$/)
})

t.test('PLAIN is there over TLS, and without it only where TLS is not required', async t => {
  const required = await c2s(t)
  const { client, mechanisms } = await open(await RawClient.connect(required.port))
  t.same(mechanisms, [])
  client.send(plainAuth('alice'))
  t.ok(await client.expect('<encryption-required/>'))
  const direct = await c2s(t, { listen: { tls: 'direct' } })
  const encrypted = await open(await RawClient.connectTls(direct.port))
  t.equal(encrypted.mechanisms.at(-1), 'PLAIN')
  encrypted.client.send(plainAuth('alice'))
  t.ok(await encrypted.client.expect('<success'))
})

t.test('who has signed in to one host is nobody at another', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' } })
  const client = await RawClient.connect(port)
  client.send(header("to='other.example' version='1.0'"))
  await client.expect('</stream:features>')
  client.send(plainAuth('alice'))
  t.ok(await client.expect('<not-authorized/>'))
})

t.test('after sign-in a stanza may be larger, and must be a request to bind', async t => {
  const { port } = await c2s(t, { listen: { tls: 'off' } })
  const { client } = await open(await RawClient.connect(port))
  client.send(plainAuth('alice'))
  await client.expect('<success')
  client.send(header())
  await client.expect('<max-bytes>262144</max-bytes>')
  client.send("<message to='bob@localhost'/>")
  await client.expect('</stream:features>')
  t.match(await client.end(), /^<stream:error><not-authorized /)
})

t.test('a fault of ours is told as one, and may pass', async t => {
  const { port, accounts } = await c2s(t, { listen: { tls: 'off' } })
  const { client } = await open(await RawClient.connect(port))
  t.intercept(accounts, 'verify', {
    value: () => Promise.reject(new Error('no storage')),
    configurable: true,
  })
  client.send(plainAuth('alice'))
  t.ok(await client.expect(`<failure xmlns="${NS.sasl}"><temporary-auth-failure/></failure>`))
  Reflect.deleteProperty(accounts, 'verify')
  client.send(plainAuth('alice'))
  t.ok(await client.expect('<success'))
})

t.test(
  'RFC 6120 §6.5.10: too many at once are told to come back, on the same stream if they like',
  async t => {
    const signIns = { perSecond: 0.001, waitSeconds: 0 }
    const { port, server } = await c2s(t, { listen: { tls: 'off' }, limits: { signIns } })
    const first = await open(await RawClient.connect(port))
    first.client.send(plainAuth('alice'))
    await first.client.expect('<success')
    const { client } = await open(await RawClient.connect(port))
    client.send(plainAuth('alice'))
    const [, text] = await client.expect(/<temporary-auth-failure\/><text[^>]*>([^<]*)</)
    t.match(text, /^Too many clients are signing in\. Try again in \d+ seconds\.$/)
    server.limits = { ...server.limits, signIns: { perSecond: 1000, waitSeconds: 1_000_000 } }
    client.send(plainAuth('alice'))
    t.ok(await client.expect('<success'))
  },
)
