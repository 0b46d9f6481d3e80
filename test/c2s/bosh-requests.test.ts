/** XEP-0124 §9 to §15: which request is taken when, and what it is answered. */
import { createHash } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import t from 'tap'
import { NS } from '../../src/xml/ns.ts'
import type { BoshAnswer, BoshClient } from '../support/bosh-client.ts'
import { boshServer, message, PING } from '../support/bosh-server.ts'

const EMPTY = `<body xmlns='${NS.httpBind}'/>`
const ERROR = `<body xmlns='${NS.httpBind}' type='error'/>`
const conditionOf = ({ attributes: { type, condition } }: BoshAnswer) => [type, condition]
const ITEM_NOT_FOUND = ['terminate', 'item-not-found']
const POLICY_VIOLATION = ['terminate', 'policy-violation']

/** Sends a request twice by connections that break once the server holds it. */
async function abandon(client: BoshClient): Promise<void> {
  const rid = ++client.rid
  const body = `<body xmlns='${NS.httpBind}' rid='${rid}' sid='${client.sid}'/>`
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const requests = [1, 2].map(() => {
    const request = requestHttp(client.options.url, { method: 'POST', agent: false })
    request.on('response', () => resolve()).on('error', () => {})
    return request.end(body)
  })
  await held
  for (const request of requests) request.destroy()
}

t.test('§14.2: requests are taken and answered in the order of their ids', async t => {
  const { signedIn } = await boshServer(t)
  const bob = await signedIn('bob')
  const alice = await signedIn('alice', { opening: { hold: 2 } })
  const waiting = await bob.held()
  // The second one is there before the first is sent: its repetition says so.
  alice.rid++
  const second = await alice.held(message('second'))
  const first = alice.post({ rid: alice.rid - 1, sid: alice.sid }, message('first'))
  t.match((await waiting.answer).payload, /<body>first<.*<body>second</)
  const third = alice.send(PING)
  t.equal((await first).body, EMPTY)
  t.match((await second.answer).payload, 'type="result"')
  await alice.send('', { pause: 60 })
  t.equal((await third).body, EMPTY)
})

t.test('§14.2: an id beyond the window ends the session', async t => {
  const { signedIn, server } = await boshServer(t)
  const bob = await signedIn('bob')
  const { answer } = await bob.held()
  t.strictSame(conditionOf(await bob.repeat(bob.rid + 3)), ITEM_NOT_FOUND)
  t.strictSame(conditionOf(await answer), ITEM_NOT_FOUND)
  await server.settled()
  t.equal(server.sessions, 0)
})

t.test('§14.3: the last answers are kept for who has not received them', async t => {
  const { signedIn } = await boshServer(t)
  const bob = await signedIn('bob')
  const answers = [await bob.send(PING), await bob.send(PING)]
  t.equal((await bob.repeat(bob.rid)).body, answers[1]!.body)
  t.equal((await bob.repeat(bob.rid - 1)).body, answers[0]!.body)
  t.match(answers[0]!.payload, 'type="result"')
  t.strictSame(conditionOf(await bob.repeat(bob.rid - 2)), ITEM_NOT_FOUND, 'as many as there may be requests')
  t.strictSame(conditionOf(await bob.send()), ITEM_NOT_FOUND, 'which is the end of the session')
})

t.test('§14.3: a request that is repeated while it is held', async t => {
  const { signedIn } = await boshServer(t)
  const alice = await signedIn('alice')
  const bob = await signedIn('bob')
  const { answer } = await bob.held()
  const again = bob.repeat()
  t.equal((await answer).body, ERROR, 'the older one is told so')
  await alice.held(message('x'))
  t.match((await again).payload, '<body>x</body>', 'the newer one is answered')
})

t.test('§14.3: who repeats for ever', async t => {
  const { signedIn } = await boshServer(t)
  const bob = await signedIn('bob')
  await bob.send(PING)
  for (let i = 0; i < 20; i++) t.match((await bob.repeat()).payload, 'type="result"')
  t.strictSame(conditionOf(await bob.repeat()), POLICY_VIOLATION)
})

t.test('§14.3: what comes while the connection is broken waits for the repetition', async t => {
  const { signedIn, server } = await boshServer(t)
  const alice = await signedIn('alice')
  const bob = await signedIn('bob')
  await abandon(bob)
  await alice.held(message('x'))
  await server.settled()
  t.match((await bob.repeat()).payload, '<body>x</body>')
})

t.test('§11: too many requests at a time, and too often', async t => {
  const { signedIn, server } = await boshServer(t)
  const often = await signedIn('bob')
  const { answer } = await often.held()
  t.strictSame(conditionOf(await often.send()), POLICY_VIOLATION, 'two that only ask')
  t.strictSame(conditionOf(await answer), POLICY_VIOLATION)
  const seldom = await signedIn('bob')
  const first = await seldom.held()
  await server.pass(5_000)
  await seldom.held()
  t.equal((await first.answer).body, EMPTY, 'five seconds later it is fine')
  // While the server waits for the id before them, they can't be answered.
  const many = await signedIn('alice')
  const rid = many.rid + 2
  const early = [1, 2].map(() => many.post({ rid, sid: many.sid }, PING))
  t.equal((await Promise.race(early)).body, ERROR)
  t.strictSame(conditionOf(await many.post({ rid: rid + 1, sid: many.sid }, PING)), ITEM_NOT_FOUND)
})

t.test('§12: polling', async t => {
  const { client, server } = await boshServer(t)
  const poller = async () => {
    const one = client({ opening: { hold: 0 } })
    const { attributes, payload } = await one.open()
    t.match(attributes, { hold: '0', requests: '1', inactivity: '120' })
    t.equal(payload, '', 'nothing is held')
    t.match((await one.send()).payload, 'features')
    t.equal((await one.send()).body, EMPTY, 'the last answer brought something')
    return one
  }
  t.strictSame(conditionOf(await (await poller()).send()), POLICY_VIOLATION)
  const patient = await poller()
  await server.pass(5_000)
  t.equal((await patient.send()).body, EMPTY)
})

t.test('§10: a client that asks for nothing is gone', async t => {
  const { signedIn, server } = await boshServer(t, {
    config: { listeners: { http: { bosh: { 'inactivity-seconds': 30 } } } },
  })
  const bob = await signedIn('bob')
  await server.pass(29_999)
  await bob.send(PING)
  await server.pass(29_999)
  t.equal(server.sessions, 1)
  await server.pass(1)
  t.strictSame(conditionOf(await bob.send()), ITEM_NOT_FOUND)
  t.equal(server.sessions, 0)
  const held = await signedIn('bob')
  await held.held()
  await server.pass(45_000)
  t.equal(server.sessions, 1, 'while a request is held it is there')
})

t.test('§10: a pause', async t => {
  const { signedIn, server } = await boshServer(t)
  const alice = await signedIn('alice')
  const bob = await signedIn('bob')
  const { answer } = await bob.held()
  t.equal((await bob.send('', { pause: 100 })).body, EMPTY, 'is answered at once')
  t.equal((await answer).body, EMPTY, 'as all others')
  await alice.held(message('x'))
  await server.pass(99_999)
  t.match((await bob.send()).payload, '<body>x</body>', 'what was sent meanwhile')
  await server.pass(60_000)
  t.strictSame(conditionOf(await bob.send()), ITEM_NOT_FOUND, 'after that it is as before')
  const long = await signedIn('bob')
  const held = await long.held('', { pause: 121 })
  await long.send(PING)
  t.equal((await held.answer).body, EMPTY, 'one that is too long is none')
})

t.test('§9: acknowledgements', async t => {
  const { signedIn, client, server } = await boshServer(t)
  t.equal((await client().open()).attributes.ack, undefined, 'only if the client has any')
  const bob = await signedIn('bob', { opening: { ack: 1 } })
  const { answer } = await bob.held()
  const second = bob.send(PING)
  t.equal((await answer).attributes.ack, String(bob.rid), '§9.1: the highest that was received')
  t.equal((await second).attributes.ack, undefined, 'unless it is the one that is answered')
  await server.pass(2_000)
  const { attributes } = await bob.send('', { ack: bob.rid - 1 })
  t.match(attributes, { report: String(bob.rid - 1), time: '2000' }, '§9.2: an answer that may be lost')
  await bob.send(PING)
  t.strictSame(conditionOf(await bob.repeat(bob.rid - 1)), ITEM_NOT_FOUND, '§14.3: what it has is not kept')
})

t.test('§15: keys', async t => {
  const { client } = await boshServer(t)
  const hash = (text: string) => createHash('sha1').update(text).digest('hex')
  const keys = (seed: string, length: number) => {
    const sequence = [hash(seed)]
    while (sequence.length < length) sequence.push(hash(sequence.at(-1)!))
    return { next: () => sequence.pop()! }
  }
  const [one, other] = [keys('one', 3), keys('other', 2)]
  const protectedOne = client()
  const bodyOf = async (attributes: Record<string, string>) =>
    (await protectedOne.send('', { pause: '60', ...attributes })).body
  await protectedOne.open({ newkey: one.next().toUpperCase() })
  t.equal(await bodyOf({ key: one.next() }), EMPTY, '§15.4: case does not matter')
  t.equal(await bodyOf({ key: one.next(), newkey: other.next() }), EMPTY, '§15.5: another sequence')
  t.equal(await bodyOf({ key: other.next() }), EMPTY)
  t.match(await bodyOf({ key: hash('wrong') }), 'item-not-found')
  const without = client()
  await without.open({ newkey: keys('seed', 2).next() })
  t.strictSame(conditionOf(await without.send(PING)), ITEM_NOT_FOUND)
})

t.test('§15.4: a repeated request has the key that it had', async t => {
  const { client } = await boshServer(t)
  const one = client()
  const key = createHash('sha1').update('seed').digest('hex')
  await one.open({ newkey: createHash('sha1').update(key).digest('hex') })
  await one.send('', { key, pause: 60 })
  t.equal((await one.repeat(one.rid, { key })).body, EMPTY)
  t.strictSame(conditionOf(await one.repeat()), ITEM_NOT_FOUND)
})
