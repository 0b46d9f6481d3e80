import t from 'tap'
import type { Host } from '../../src/core/host.ts'
import hints from '../../src/extensions/hints.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'

const { storing } = hints.setup({} as Host, {}).provides!

function message(type: string, ...names: string[]): Stanza {
  const found = names.map(name => xml(name, { xmlns: 'urn:xmpp:hints' }))
  return Stanza.build(
    'message',
    { type, from: JID.parse('alice@localhost/a') },
    xml('body', {}, 'hi'),
    ...found,
  )
}

// XEP-0334 §4, §5.
t.test('the wish about storing: the most private of several, none in errors', async t => {
  t.equal(storing(message('chat')), undefined)
  t.equal(storing(message('chat', 'no-copy')), undefined)
  for (const name of ['store', 'no-store', 'no-permanent-store'] as const)
    t.equal(storing(message('chat', name)), name)
  t.equal(storing(message('chat', 'store', 'no-store', 'no-permanent-store')), 'no-store')
  t.equal(storing(message('chat', 'store', 'no-permanent-store')), 'no-permanent-store')
  t.equal(storing(message('error', 'no-store')), undefined)
  const foreign = Stanza.build(
    'message',
    { from: JID.parse('alice@localhost/a') },
    xml('no-store', { xmlns: 'other' }),
  )
  t.equal(storing(foreign), undefined)
})
