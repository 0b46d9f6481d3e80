/** XEP-0379: a token in a request to subscribe. */
import t from 'tap'
import { defineExtension } from '../../src/core/extension.ts'
import invitations, { Invitations } from '../../src/extensions/invitations/index.ts'
import registration from '../../src/extensions/registration/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
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
