/** Sessions that end while something is under way: replaced, lost, or of an account that is removed. */
import t from 'tap'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { core } from '../support/core.ts'

for (const nodes of [1, 2]) {
  t.test(`${nodes} node(s)`, async t => {
    t.test('an account that is removed while it signs in is not bound', async t => {
      const accounts = ['alice', 'bob']
      const server = core({ nodes, accounts })
      await server.routers[0]!.forget(JID.parse('carol@localhost'))
      await t.rejects(server.session('carol', 'c'), { condition: 'not-allowed' })
      const bob = await server.session('bob', 'b')
      await bob.send('message', { to: 'carol@localhost', id: '1' }, xml('body', {}, 'hi'))
      await server.settled()
      t.match(bob.received, [/service-unavailable/])
    })
  })
}
