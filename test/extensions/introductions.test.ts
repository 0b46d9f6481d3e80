/** XEP-0379 §3.5, §3.6, XEP-0401 §5.5: who was invited becomes a contact of who has invited. */
import t from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import blocking from '../../src/extensions/blocking/index.ts'
import invitations, { Invitations } from '../../src/extensions/invitations/index.ts'
import presence from '../../src/extensions/presence/index.ts'
import registration from '../../src/extensions/registration/index.ts'
import roster, { type ContactRow } from '../../src/extensions/roster/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { core, type TestSession } from '../support/core.ts'

const alice = JID.parse('alice@localhost')
const bob = JID.parse('bob@localhost')

function server(nodes: number) {
  const running = core({ nodes, extensions: [blocking, registration, invitations, roster, presence] })
  const rows = running.storage.table<ContactRow>('roster', 'lww')
  const book = new Invitations(running.storage, systemClock, JID.parse('localhost'))
  /** `newcomer` has come by an invitation of `inviter`, at any node. */
  const redeem = async (inviter: JID, newcomer: JID): Promise<void> => {
    await running.routers.at(-1)?.host('localhost')?.hooks.emit('invite:redeemed', { inviter, newcomer })
    await running.settled()
  }
  const stateOf = async (owner: JID, contact: JID) => (await rows.get(owner, contact.toString()))?.state
  /** A client that has asked for its roster and is available. */
  const online = async (name: string, node: number): Promise<TestSession> => {
    const session = await running.session(name, 'client', node)
    await session.send('iq', { type: 'get', id: 'r' }, xml('query', { xmlns: NS.roster }))
    await session.send('presence', {})
    await running.settled()
    session.received.length = 0
    return session
  }
  return { ...running, rows, book, redeem, stateOf, online }
}

const presenceOf = (from: string, to: string) =>
  new RegExp(`^<presence to="${to}[^"]*" from="${from}/client"`)
const push = (contact: string) => new RegExp(`<item jid="${contact}" subscription="both"/>`)

for (const nodes of [1, 2, 3]) {
  t.test(`${nodes} node(s): both learn of it, then of each other's presence, once`, async t => {
    const { redeem, stateOf, online, settled } = server(nodes)
    const inviter = await online('alice', 0)
    const newcomer = await online('bob', nodes - 1)
    await redeem(alice, bob)
    t.match(inviter.received, [push('bob@localhost'), presenceOf('bob@localhost', 'alice@localhost')])
    t.match(newcomer.received, [push('alice@localhost'), presenceOf('alice@localhost', 'bob@localhost')])
    t.same([inviter.received.length, newcomer.received.length], [2, 2])
    t.same([await stateOf(alice, bob), await stateOf(bob, alice)], ['both', 'both'])
    await redeem(alice, bob)
    await settled()
    t.same([inviter.received.length, newcomer.received.length], [2, 2], 'again: nothing')
  })

  t.test(`${nodes} node(s): whoever is not there finds the contact later`, async t => {
    const { redeem, online, stateOf, settled, session } = server(nodes)
    const inviter = await online('alice', nodes - 1)
    await redeem(alice, bob)
    t.match(inviter.received.splice(0), [push('bob@localhost')])
    const newcomer = await session('bob', 'client')
    await newcomer.send('presence', {})
    await settled()
    t.match(inviter.received, [presenceOf('bob@localhost', 'alice@localhost')])
    t.match(newcomer.received.at(-1), presenceOf('alice@localhost', 'bob@localhost'))
    t.equal(await stateOf(bob, alice), 'both')
  })

  t.test(`${nodes} node(s): a token in a request for a subscription`, async t => {
    const { book, online, settled, stateOf } = server(nodes)
    const inviter = await online('alice', 0)
    const newcomer = await online('bob', nodes - 1)
    const { token } = await book.create({ lifetime: 60_000, uses: 1, inviter: 'alice@localhost' })
    await newcomer.send(
      'presence',
      { to: 'alice@localhost', type: 'subscribe' },
      xml('preauth', { xmlns: NS.preauth, token }),
    )
    await settled()
    t.same([await stateOf(alice, bob), await stateOf(bob, alice)], ['both', 'both'])
    t.notOk(
      inviter.received.some(text => text.includes('type="subscribe"')),
      'nobody is asked',
    )
    t.match(inviter.received, [push('bob@localhost'), presenceOf('bob@localhost', 'alice@localhost')])
    t.match(newcomer.received, [
      /ask="subscribe"/,
      push('alice@localhost'),
      presenceOf('alice@localhost', 'bob@localhost'),
    ])
  })

  t.test(`${nodes} node(s): an inviter who has left leaves the newcomer alone`, async t => {
    const { redeem, stateOf } = server(nodes)
    await redeem(JID.parse('gone@localhost'), bob)
    await redeem(JID.parse('gone@elsewhere.example'), bob)
    t.equal(await stateOf(bob, JID.parse('gone@localhost')), undefined)
    t.equal(await stateOf(bob, JID.parse('gone@elsewhere.example')), undefined)
  })
}

const STATES = [
  'none',
  'none+out',
  'none+in',
  'none+out+in',
  'to',
  'to+in',
  'from',
  'from+out',
  'both',
] as const

for (const state of STATES)
  t.test(`from ${state} both come to see each other, with name and groups as they were`, async t => {
    const { redeem, stateOf, rows, storage, online } = server(1)
    const listed = state !== 'none+in'
    const before: ContactRow = { name: 'Bob', groups: ['old'], state, listed, approved: false, version: 1 }
    await storage.commit([rows.put(alice, 'bob@localhost', { ...before, request: '<presence/>' })])
    const newcomer = await online('bob', 0)
    newcomer.received.length = 0
    const inviter = await online('alice', 0)
    inviter.received.length = 0
    await redeem(alice, bob)
    const after = await rows.get(alice, 'bob@localhost')
    t.match(after, { name: 'Bob', groups: ['old'], state: 'both', listed: true })
    t.equal(await stateOf(bob, alice), 'both')
    if (state !== 'both') t.notMatch(after, { request: String })
    t.match(inviter.received.at(-1), presenceOf('bob@localhost', 'alice@localhost'))
    t.match(newcomer.received.at(-1), presenceOf('alice@localhost', 'bob@localhost'))
  })
