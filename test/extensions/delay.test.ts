import t from 'tap'
import delay from '../../src/extensions/delay.ts'
import { delay as note } from '../../src/xml/delay.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { core } from '../support/core.ts'

const by = (from: string | undefined) =>
  xml('delay', { xmlns: 'urn:xmpp:delay', from, stamp: '2002-09-10T23:08:25Z' })

// XEP-0203 §5: "the recipient's server SHOULD discard a delayed delivery notation whose 'from' attribute matches the server's JabberID".
t.test('notes of delay that pretend to be ours are removed, all others stay', async t => {
  for (const nodes of [1, 2, 3]) {
    const { session, settled } = core({ extensions: [delay], nodes })
    const alice = await session('alice', 'a')
    const bob = await session('bob', 'b', nodes - 1)
    const others = [
      by('room@rooms.localhost'),
      by(undefined),
      by('not an address'),
      xml('delay', { xmlns: 'other', from: 'localhost' }),
    ]
    const kept = others.join('')
    await alice.send(
      'message',
      { to: 'bob@localhost/b' },
      by('localhost'),
      xml('body', {}, 'x'),
      ...others,
      by('LOCALHOST/x'),
    )
    await alice.send('presence', { to: 'bob@localhost/b' }, by('localhost'))
    await settled()
    t.ok(bob.received[0]?.endsWith(`><body>x</body>${kept}</message>`))
    t.ok(bob.received[1]?.endsWith('/>'))
  }
})

t.test('a stanza without such a note is left alone', async t => {
  const { session, settled } = core({ extensions: [delay] })
  const alice = await session('alice', 'a')
  const bob = await session('bob', 'b')
  await alice.send('message', { to: 'bob@localhost/b', id: 'x' }, by('example.com'))
  await settled()
  t.equal(
    bob.received[0],
    `<message to="bob@localhost/b" from="alice@localhost/a" id="x">${by('example.com')}</message>`,
  )
})

// XEP-0203 §2, XEP-0082 §3.2.
t.test('our own note', async t => {
  const moment = Date.UTC(2026, 1, 3, 4, 5, 6, 7)
  t.equal(
    String(note(JID.parse('localhost'), moment)),
    '<delay xmlns="urn:xmpp:delay" from="localhost" stamp="2026-02-03T04:05:06.007Z"/>',
  )
  t.match(String(note(JID.parse('localhost'), moment, 'Offline Storage')), />Offline Storage<\/delay>$/)
})
