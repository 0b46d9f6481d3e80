import t from 'tap'
import { defineExtension } from '../../src/core/extension.ts'
import lastActivity from '../../src/extensions/last-activity.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { core } from '../support/core.ts'

/** Lets bob, and nobody else, know of everybody's presence, as a roster will. */
const friends = defineExtension({
  name: 'friends',
  doc: 'knows who is whose friend',
  requires: [lastActivity],
  setup(host) {
    host.use(lastActivity).admit((_owner, viewer) => viewer.local === 'bob')
    return {}
  },
})

async function people() {
  const clock = new ManualClock()
  const { session, settled } = core({ clock, extensions: [lastActivity, friends] })
  const bob = await session('bob', 'desk')
  const ask = async (to: string, who = bob) => {
    who.received.length = 0
    await who.send('iq', { type: 'get', id: '1', to }, xml('query', { xmlns: NS.lastActivity }))
    await settled()
    return who.received.at(-1)
  }
  return { clock, session, settled, ask }
}

t.test('XEP-0012 §3: since when a user has been away, and the last word', async t => {
  const { clock, session, ask } = await people()
  t.match(await ask('alice@localhost'), '<item-not-found', 'never seen')
  const alice = await session('alice', 'desk')
  t.match(await ask('alice@localhost'), 'seconds="0"')
  await alice.send('presence', { type: 'unavailable' }, xml('status', {}, 'Heading Home'))
  await alice.handle.unbind()
  clock.advance(903_999)
  t.match(await ask('alice@localhost'), /<query xmlns="jabber:iq:last" seconds="903">Heading Home<\/query>/)
  const carol = await session('carol', 'desk')
  t.match(await ask('alice@localhost', carol), '<forbidden')
})

t.test('the word of an earlier farewell does not outlive a return', async t => {
  const { clock, session, ask } = await people()
  const alice = await session('alice', 'desk')
  await alice.send('presence', { type: 'unavailable' }, xml('status', {}, 'Heading Home'))
  await alice.send('presence', {})
  await alice.handle.unbind()
  clock.advance(1_000)
  t.match(await ask('alice@localhost'), '<query xmlns="jabber:iq:last" seconds="1"/>')
})

t.test('a user with one of two sessions left is not away', async t => {
  const { clock, session, ask } = await people()
  const alice = await session('alice', 'desk')
  await session('alice', 'phone')
  await alice.handle.unbind()
  clock.advance(5_000)
  t.match(await ask('alice@localhost'), 'seconds="0"')
})

t.test('XEP-0012 §4: whoever may know reaches the resource', async t => {
  const { session, ask } = await people()
  const alice = await session('alice', 'desk')
  t.equal(await ask('alice@localhost/desk'), undefined)
  t.match(alice.received, [/<iq .*type="get"/])
})
