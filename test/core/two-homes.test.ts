/** Order between two nodes: RFC 6120 §10.1. */
import t from 'tap'
import { defineExtension, stage } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { core } from '../support/core.ts'

for (const nodes of [1, 2, 3])
  t.test(`${nodes} node(s): what a recipient's home holds back is not overtaken`, async t => {
    const gate = Promise.withResolvers<undefined>()
    const slow = defineExtension({
      name: 'slow',
      doc: 'holds back messages at their recipient',
      setup: () => ({
        stages: [
          stage('guard', { kind: 'message', side: 'recipient', child: ['slow', 'test'] }, () => gate.promise),
        ],
      }),
    })
    const server = core({ nodes, extensions: [slow] })
    const alice = await server.session('alice', 'a')
    for (const name of ['bob', 'carol']) {
      const other = await server.session(name, 'b', nodes - 1)
      await other.send('presence', {})
    }
    const bob = await server.session('bob', 'one')
    const carol = await server.session('carol', 'one')
    const sent = [bob, carol].flatMap(to => [
      alice.send('message', { to: to.jid.toString(), id: '1' }, xml('slow', { xmlns: 'test' })),
      alice.send('message', { to: to.jid.toString(), id: '2' }),
    ])
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
    gate.resolve(undefined)
    await Promise.all(sent)
    await server.settled()
    for (const { received } of [bob, carol])
      t.same(
        received.map(text => /id="(\d)"/.exec(text)?.[1]),
        ['1', '2'],
      )
  })
