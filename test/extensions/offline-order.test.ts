/** A message that is kept late, since its recipient left meanwhile, keeps its place: RFC 6120 §10.1. */
import t from 'tap'
import { defineExtension, stage } from '../../src/core/extension.ts'
import { extensions } from '../../src/extensions/index.ts'
import { xml } from '../../src/xml/element.ts'
import { core } from '../support/core.ts'

t.test(
  'messages of one sender are kept in order, although their recipient leaves between two of them',
  async t => {
    const { promise, resolve: open } = Promise.withResolvers<undefined>()
    const slow = defineExtension({
      name: 'slow',
      doc: 'holds back the end of one message',
      setup: () => ({
        stages: [
          stage('outcome', { kind: 'message', side: 'recipient', child: ['slow', 'test'] }, () => promise),
        ],
      }),
    })
    const server = core({ extensions: [...extensions, slow] })
    const alice = await server.session('alice', 'a')
    const carol = await server.session('carol', 'c')
    await carol.send('presence', {})
    const bob = await server.session('bob', 'b')
    await bob.send('presence', {})
    const chat = (to: string, id: string, child = xml('body', {}, 'hi')) =>
      alice.send('message', { to, type: 'chat', id }, child)
    const sent = [chat('carol@localhost', '0', xml('slow', { xmlns: 'test' })), chat('bob@localhost', '1')]
    await bob.handle.unbind()
    sent.push(chat('bob@localhost', '2'))
    for (let i = 0; i < 5; i++) await new Promise(setImmediate)
    open(undefined)
    await Promise.all(sent)
    const again = await server.session('bob', 'b')
    await again.send('presence', {})
    await server.settled()
    t.same(
      again.received.filter(text => text.startsWith('<message')).map(text => /id="(\d)"/.exec(text)?.[1]),
      ['1', '2'],
    )
  },
)
