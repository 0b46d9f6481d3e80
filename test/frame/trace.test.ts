import t from 'tap'
import { trace } from '../../scripts/dev/trace.ts'
import type { Host } from '../../src/core/host.ts'
import { xml } from '../../src/xml/element.ts'
import { core } from '../support/core.ts'

t.test('tells who sent what and who got it, and never what it says', async t => {
  const { routers, session } = core()
  const lines: string[] = []
  trace(routers[0]?.host('localhost') as Host, line => lines.push(line))
  const alice = await session('alice', 'phone')
  const bob = await session('bob', 'desk')
  await bob.send('presence', {})
  const body = xml('body', {}, 'between us')
  await alice.send('message', { to: 'bob@localhost', type: 'chat', id: 'm1' }, body)
  await alice.send(
    'message',
    { to: 'carol@localhost', type: 'chat', id: 'm2' },
    xml('body', {}, 'between us'),
  )
  t.same(lines, [
    'bob@localhost/desk -> (no to)  presence',
    'alice@localhost/phone -> bob@localhost  message chat id=m1: body',
    '  message chat m1 for bob@localhost went to bob@localhost/desk',
    'alice@localhost/phone -> carol@localhost  message chat id=m2: body',
    '  message chat m2 for carol@localhost found nobody',
    '  message error m2 for alice@localhost went to alice@localhost/phone',
  ])
})
