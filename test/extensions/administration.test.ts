/** XEP-0133: what administrators do reaches every node. */
import t from 'tap'
import administration from '../../src/extensions/administration/index.ts'
import commands from '../../src/extensions/commands/index.ts'
import disco from '../../src/extensions/disco.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { core, type TestSession } from '../support/core.ts'

/** Runs a command with one form; what came at last. */
async function run(
  admin: TestSession,
  settled: () => Promise<void>,
  node: string,
  values: Readonly<Record<string, string>>,
): Promise<string> {
  const about = { xmlns: NS.commands, node: `${NS.administration}#${node}` }
  const send = async (command: ReturnType<typeof xml>): Promise<string> => {
    await admin.send('iq', { type: 'set', id: 'c', to: 'localhost' }, command)
    await settled()
    return admin.received.splice(0).find(text => text.startsWith('<iq')) ?? ''
  }
  const asked = await send(xml('command', { ...about, action: 'execute' }))
  const sessionid = / sessionid="([^"]+)"/.exec(asked)?.[1]
  const fields = Object.entries(values).map(([name, value]) =>
    xml('field', { var: name }, xml('value', {}, value)),
  )
  return send(xml('command', { ...about, sessionid }, xml('x', { xmlns: NS.forms, type: 'submit' }, fields)))
}

function start(nodes: number) {
  const clock = new ManualClock(1_000_000)
  const extensions = [disco, commands, administration]
  return { clock, ...core({ nodes, clock, extensions, admins: ['alice'] }) }
}

for (const [node, again] of [
  ['restart', true],
  ['shutdown', false],
] as const)
  t.test(`${node}: every node stops, when the time has come`, async t => {
    const { clock, routers, session, settled } = start(3)
    const halted: (readonly [number, boolean])[] = []
    routers.forEach((router, index) => {
      router.halt = wanted => void halted.push([index, wanted])
    })
    const alice = await session('alice', '1')
    const bob = await session('bob', '1', 1)
    await bob.send('presence', {})
    await settled()
    bob.received.splice(0)
    const answer = await run(alice, settled, node, { delay: '60', announcement: 'Good night' })
    t.match(answer, 'in 60 seconds')
    t.match(bob.received.join(''), '<body>Good night</body>')
    clock.advance(59_999)
    await settled()
    t.same(halted, [])
    clock.advance(1)
    await settled()
    t.same(
      halted.sort(),
      [0, 1, 2].map(index => [index, again]),
    )
  })

t.test('a server that something else stops says so', async t => {
  const { session, settled } = start(1)
  const alice = await session('alice', '1')
  t.match(await run(alice, settled, 'shutdown', { delay: '30' }), 'feature-not-implemented')
})

t.test('lists hold at each node at once; where they cannot be read those that are known hold', async t => {
  const { session, settled } = start(2)
  const alice = await session('alice', '1')
  const carol = await session('carol', '1', 1)
  t.match(await run(alice, settled, 'edit-blacklist', { blacklistjids: 'bob@localhost' }), 'it is changed')
  await carol.send('message', { type: 'chat', id: 'm', to: 'bob@localhost' }, xml('body', {}, 'x'))
  await settled()
  t.match(carol.received.join(''), '<not-allowed ')
})

t.test('those who are online are counted at all nodes', async t => {
  const { session, settled } = start(3)
  const alice = await session('alice', '1')
  for (const [index, name] of ['bob', 'carol'].entries()) {
    const one = await session(name, '1', index + 1)
    await one.send('presence', {})
  }
  await settled()
  t.match(
    await run(alice, settled, 'get-online-users-list', { max_items: '25' }),
    '<field var="onlineuserjids"><value>bob@localhost</value><value>carol@localhost</value></field>',
  )
})
