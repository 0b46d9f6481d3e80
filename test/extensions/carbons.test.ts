import t from 'tap'
import carbons from '../../src/extensions/carbons.ts'
import hints from '../../src/extensions/hints.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { core, type TestSession } from '../support/core.ts'

const body = xml('body', {}, 'hi')
const part = (name: string, xmlns: string) => xml(name, { xmlns })

async function people() {
  const { session, settled } = core({ extensions: [hints, carbons] })
  const [alice, phone] = [await session('alice', 'desk'), await session('alice', 'phone')]
  const [bob, tablet] = [await session('bob', 'desk'), await session('bob', 'tablet')]
  const enable = async (who: TestSession) => {
    await who.send('iq', { type: 'set', id: '1' }, part('enable', NS.carbons))
    who.received.length = 0
  }
  for (const one of [phone, tablet]) await enable(one)
  return { alice, phone, bob, tablet, settled, enable }
}

/** Whether a message to bob's desk is copied: by the sender's and by the recipient's side. */
async function copied(attributes: Record<string, string>, ...children: Element[]) {
  const { alice, phone, tablet } = await people()
  await alice.send('message', { to: 'bob@localhost/desk', ...attributes }, ...children)
  return [phone.received.length === 1, tablet.received.length === 1]
}

const BOTH = [true, true]
const NEITHER = [false, false]

t.test('XEP-0280 §6.1: what is copied', async t => {
  const cases: [string, boolean[], Record<string, string>, Element[]][] = [
    ['a chat', BOTH, { type: 'chat' }, []],
    ['normal with a body', BOTH, {}, [body]],
    ['a type that is none is normal (RFC 6121 §5.2.2)', BOTH, { type: 'gossip' }, [body]],
    ['normal without a body', NEITHER, { type: 'normal' }, [part('x', 'urn:x')]],
    ['a headline', NEITHER, { type: 'headline' }, [body]],
    ['a group message', NEITHER, { type: 'groupchat' }, [body]],
    ['a receipt', BOTH, {}, [part('received', NS.receipts)]],
    ['a chat state', BOTH, {}, [part('composing', NS.chatStates)]],
    ['a chat marker', BOTH, {}, [part('displayed', NS.chatMarkers)]],
    ['a direct invitation', BOTH, {}, [part('x', NS.conference)]],
    ['from an occupant of a room', [true, false], { type: 'chat' }, [body, part('x', NS.roomUser)]],
    ['private', NEITHER, { type: 'chat' }, [body, part('private', NS.carbons)]],
    ['no-copy', NEITHER, { type: 'chat' }, [body, part('no-copy', NS.hints)]],
    ['an error that answers nothing', NEITHER, { type: 'error', id: '1' }, [body]],
  ]
  for (const [name, expected, attributes, children] of cases)
    t.same(await copied(attributes, ...children), expected, name)
})

t.test('XEP-0280 §6.1: an error is copied where its message was, also one without a word of it', async t => {
  const { alice, phone, bob, tablet, settled } = await people()
  await alice.send('message', { to: 'bob@localhost/desk', type: 'chat', id: 'm' }, body)
  for (const one of [phone, tablet]) one.received.length = 0
  await bob.send('message', { to: 'alice@localhost/desk', type: 'error', id: 'm' }, part('no-copy', NS.hints))
  await settled()
  t.match(phone.received, [/<received .*type="error"/])
  t.match(tablet.received, [/<sent .*type="error"/])
  // The same id means nothing with somebody else.
  await phone.send('message', { to: 'carol@localhost', type: 'error', id: 'm' })
  t.equal(phone.received.length, 1)
})

t.test('a session that is gone, or that has changed its mind, gets no copies', async t => {
  const { alice, phone, tablet, bob } = await people()
  await phone.handle.unbind()
  await tablet.send('iq', { type: 'set', id: '2' }, part('disable', NS.carbons))
  tablet.received.length = 0
  await alice.send('message', { to: 'bob@localhost/desk', type: 'chat' }, body)
  t.equal(bob.received.length, 1)
  t.same([phone.received, tablet.received], [[], []])
})
