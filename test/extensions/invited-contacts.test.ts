/** XEP-0379: a token in a request to subscribe. */
import t from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import { defineExtension } from '../../src/core/extension.ts'
import type { Service } from '../../src/core/services.ts'
import invitations, { Invitations } from '../../src/extensions/invitations/index.ts'
import presence from '../../src/extensions/presence/index.ts'
import registration from '../../src/extensions/registration/index.ts'
import roster from '../../src/extensions/roster/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { ManualClock } from '../support/clock.ts'
import { core } from '../support/core.ts'

async function setUp() {
  const clock = new ManualClock()
  const came: string[] = []
  const spy = defineExtension({
    name: 'spy',
    doc: 'Listens',
    setup: () => ({
      on: { 'invite:redeemed': ({ inviter, newcomer }) => void came.push(`${inviter} ${newcomer}`) },
    }),
  })
  const server = core({ extensions: [registration, invitations, spy], clock })
  const book = new Invitations(server.storage, clock, JID.parse('localhost'))
  const bob = await server.session('bob', 'phone')
  const subscribe = async (to: string, token?: string, type = 'subscribe'): Promise<void> => {
    await bob.send('presence', { to, type }, xml('preauth', { xmlns: NS.preauth, token }))
    await server.settled()
  }
  const invite = async (inviter?: string): Promise<string> => {
    const made = await book.create({ lifetime: 3_600_000, uses: 1, ...(inviter && { inviter }) })
    return made.token
  }
  return { came, subscribe, invite, book, bob }
}

// XEP-0379 §3.5.
t.test('the token of the one who is asked makes contacts, once', async t => {
  const { came, subscribe, invite, book } = await setUp()
  const token = await invite('alice@localhost')
  await subscribe('alice@localhost', token)
  t.strictSame(came, ['alice@localhost bob@localhost'])
  t.equal(await book.find(token), undefined)
  await subscribe('alice@localhost', token)
  t.equal(came.length, 1)
})

// XEP-0379 §4.1: "If a client receives a malformed or unknown 'preauth' token, it MUST ignore it".
t.test('any other token is ignored, and is not used up', async t => {
  const { came, subscribe, invite, book, bob } = await setUp()
  const [ofCarol, ofNobody, ofAlice] = [
    await invite('carol@localhost'),
    await invite(),
    await invite('alice@localhost'),
  ]
  for (const token of [ofCarol, ofNobody, 'guessed', '', undefined]) await subscribe('alice@localhost', token)
  await subscribe('alice@localhost', ofAlice, 'subscribed')
  t.strictSame(came, [])
  for (const token of [ofCarol, ofNobody, ofAlice]) t.ok(await book.find(token))
  t.strictSame(bob.received, [])
})

// XEP-0379 §3.5: "automatically approve the subscription request, add the sender of the subscription request to the roster and send a
// subscription request of its own."
for (const nodes of [1, 2])
  t.test(`${nodes} node(s): who comes from another server is let in and asked`, async t => {
    const server = core({ nodes, extensions: [registration, invitations, roster, presence] })
    const book = new Invitations(server.storage, systemClock, JID.parse('localhost'))
    const sent: string[] = []
    const capulet: Service = {
      owner: () => JID.parse('capulet.example'),
      receive: stanza => void sent.push(stanza.encode().toString()),
    }
    for (const router of server.routers) router.services.add('capulet.example', capulet)
    const alice = await server.session('alice', 'phone')
    await alice.send('iq', { type: 'get', id: 'r' }, xml('query', { xmlns: NS.roster }))
    await alice.send('presence', {})
    await server.settled()
    alice.received.length = 0
    const juliet = JID.parse('juliet@capulet.example')
    const ask = async (token: string, from = juliet): Promise<void> => {
      const attributes = { from, to: JID.parse('alice@localhost'), type: 'subscribe' }
      const preauth = xml('preauth', { xmlns: NS.preauth, token })
      await server.routers.at(-1)!.accept(Stanza.build('presence', attributes, preauth), {
        send: stanza => t.fail(stanza.encode().toString()),
      })
      await server.settled()
    }
    const invited = { inviter: 'alice@localhost', lifetime: 3_600_000, uses: 1 }
    const [{ token }, accountOnly, named] = [
      await book.create({ ...invited, only: 'contact' }),
      await book.create({ ...invited, only: 'account' }),
      await book.create({ ...invited, name: 'juliet' }),
    ]
    for (const other of [accountOnly.token, named.token]) await ask(other, JID.parse('juliet@verona.example'))
    t.strictSame(sent, [])
    t.match(alice.received.splice(0), [/^<presence .*from="juliet@verona.example" type="subscribe"/])
    await ask(token)
    t.match(sent, [
      /^<presence to="juliet@capulet.example" from="alice@localhost" type="subscribed"\/>$/,
      /^<presence to="juliet@capulet.example" from="alice@localhost\/phone"\/>$/,
      /^<presence to="juliet@capulet.example" from="alice@localhost" type="subscribe"\/>$/,
    ])
    t.equal(sent.length, 3)
    t.match(alice.received, [/<item jid="juliet@capulet.example" subscription="from" ask="subscribe"\/>/])
    t.equal(alice.received.length, 1, 'she is not asked')
    t.equal(await book.find(token), undefined, 'used up')
    const [first] = (await book.list()).filter(({ only }) => only === 'contact')
    t.strictSame(first?.accounts, ['juliet@capulet.example'])
  })
