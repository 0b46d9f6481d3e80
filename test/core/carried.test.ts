/** What tells a message that is sent again from one that is new. */
import t from 'tap'
import { printOf } from '../../src/core/carried.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'

const from = JID.parse('alice@localhost/a')

function printed(to: string, id: string, body: string): number {
  const stanza = Stanza.build('message', { from, to: JID.parse(to), type: 'chat', id }, xml('body', {}, body))
  return printOf(stanza)!
}

// They had 32 bits of the words and 21 of the id and the recipient, of which similar ids shared most: one in fifteen of these was taken for another.
t.test(
  'the same words under ids that resemble each other, to many recipients, are all told apart',
  async t => {
    const seen = new Set<number>()
    for (let client = 0; client < 200; client++)
      for (let number = 0; number < 500; number++)
        seen.add(printed('bob@localhost', `${client} ${number}`, 'x'))
    for (let n = 0; n < 20_000; n++) seen.add(printed(`bob${n}@localhost`, '1', 'x'))
    for (let n = 0; n < 20_000; n++) seen.add(printed('bob@localhost', '1', String(n)))
    t.equal(seen.size, 200 * 500 + 20_000 + 20_000)
  },
)

t.test('the same message has the same print', async t => {
  t.equal(printed('bob@localhost', '1', 'x'), printed('bob@localhost', '1', 'x'))
})
