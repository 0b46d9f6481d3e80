/** BOSH and the HTTP server: origins, proxies, encryption, sizes. */
import t from 'tap'
import type { BoshAnswer } from '../support/bosh-client.ts'
import { boshServer, message, PING } from '../support/bosh-server.ts'
import { ask } from '../support/http.ts'

t.test('which pages may connect', async t => {
  const { client, url } = await boshServer(t, {
    config: { listeners: { http: { origins: 'https://friend.example' } } },
  })
  const allowed = async (origin: string) => {
    const { status, headers } = await client({ headers: { origin } }).open()
    return [status, headers['access-control-allow-origin'], headers.vary]
  }
  t.strictSame(await allowed('https://elsewhere.example'), [403, undefined, 'origin'])
  t.strictSame(await allowed('null'), [403, undefined, 'origin'])
  t.strictSame(await allowed('https://friend.example'), [200, 'https://friend.example', 'origin'])
  const own = new URL(url).origin
  t.strictSame(await allowed(own), [200, own, 'origin'])
  const preflight = (origin: string) => ask(url, { method: 'OPTIONS', headers: { origin } })
  t.match(await preflight('https://friend.example'), {
    status: 204,
    headers: {
      'access-control-allow-origin': 'https://friend.example',
      'access-control-allow-methods': 'POST, OPTIONS',
      'access-control-allow-headers': 'content-type',
    },
  })
  t.equal((await preflight('https://elsewhere.example')).status, 403)
})

t.test('X-Forwarded-For: strangers are counted by their own address, from a trusted proxy alone', async t => {
  const limits = { 'unauthenticated-per-address': 1 }
  const http = { 'trusted-proxies': '127.0.0.1' }
  const conditionFor = async (config: object, address: string, other: string) => {
    const { client } = await boshServer(t, { config: { limits, ...config } })
    await client({ headers: { 'x-forwarded-for': address } }).open()
    return (await client({ headers: { 'x-forwarded-for': other } }).open()).attributes.condition
  }
  t.equal(await conditionFor({ listeners: { http } }, '192.0.2.1', '192.0.2.1'), 'policy-violation')
  t.equal(await conditionFor({ listeners: { http } }, '192.0.2.1', '192.0.2.2'), undefined)
  t.equal(await conditionFor({}, '192.0.2.1', '192.0.2.2'), 'policy-violation', 'nobody else is believed')
})

t.test('XEP-0124 §19.1: a session that began encrypted stays so', async t => {
  const { client } = await boshServer(t, {
    config: { listeners: { http: { 'trusted-proxies': '127.0.0.1' } } },
  })
  const secure = client({ headers: { 'x-forwarded-proto': 'https' } })
  await secure.open()
  const plain = client()
  plain.sid = secure.sid
  plain.rid = secure.rid
  await t.rejects(plain.send(PING), 'the connection is closed')
  t.match((await secure.send('<x/>')).payload, 'not-authorized', 'the session is not')
})

t.test('over HTTPS', async t => {
  const { signedIn } = await boshServer(t, { tls: true, config: { listeners: { http: { tls: true } } } })
  const alice = await signedIn('alice')
  t.match((await alice.send(PING)).payload, 'type="result"')
})

t.test('sizes: of what strangers send, of what members send', async t => {
  const { client, signedIn } = await boshServer(t, { config: { limits: { 'stanza-bytes': 100_000 } } })
  const conditionOf = async (answer: Promise<{ attributes: Readonly<Record<string, string>> }>) =>
    (await answer).attributes.condition
  const stranger = client()
  await stranger.open()
  t.equal(await conditionOf(stranger.send(`<a>${'x'.repeat(20_000)}</a>`)), 'policy-violation')
  t.match(
    (await client().open({ to: 'localhost', 'xmlns:x': `urn:${'x'.repeat(20_000)}` })).attributes.condition,
    'policy-violation',
  )
  stranger.rid--
  t.match((await stranger.send('<x/>')).payload, 'not-authorized', 'a session is not ended by that')
  const bob = await signedIn('bob')
  const alice = await signedIn('alice')
  const { answer } = await bob.held()
  await alice.held(message('x'.repeat(90_000)))
  t.equal((await answer).payload.length > 90_000, true)
  t.match(
    (await alice.send(message('x'.repeat(110_000)))).payload,
    'policy-violation',
    'a stanza that is too large',
  )
  t.equal(await conditionOf(bob.send(message('x'.repeat(200_000)))), 'policy-violation', 'and a body')
  bob.rid--
})

t.test('a client that never asks is cut like one that never reads', async t => {
  const { signedIn, server } = await boshServer(t, { config: { limits: { 'outbox-bytes': 65_536 } } })
  const alice = await signedIn('alice')
  await signedIn('bob')
  for (let i = 0; i < 4; i++) await alice.send(message('x'.repeat(60_000)) + PING)
  await server.settled()
  t.match((await alice.send(message('x'))).payload, 'service-unavailable', 'bob has gone')
})

t.test('a client that sends too fast is slowed, and loses nothing', async t => {
  const { signedIn, server } = await boshServer(t, {
    config: { limits: { 'stanzas-per-second': 10, 'stanzas-burst': 10 } },
  })
  const alice = await signedIn('alice')
  const count = (answer: BoshAnswer) => answer.payload.split('<iq ').length - 1
  const first = count(await alice.send(PING.repeat(20)))
  t.ok(first < 20, `${first} at once`)
  const rest = alice.send()
  await server.pass(10_000)
  t.equal(first + count(await rest), 20)
})
