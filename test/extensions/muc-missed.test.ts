/** Who is to be told of messages in rooms that he has not entered: docs/protocol/groups.md. */
import t from 'tap'
import { defineExtension } from '../../src/core/extension.ts'
import { extensions } from '../../src/extensions/index.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { core } from '../support/core.ts'

const TEA = 'tea@rooms.localhost'

interface Options {
  /** Fields of its configuration that are on. */
  readonly fields?: readonly string[]
  /** Its members, with the nicks that are reserved for them. */
  readonly members: Readonly<Record<string, string | undefined>>
}

/** A room with Alice in it, and what is heard of what others miss there. */
async function room({ fields = [], members }: Options) {
  const heard: { body: string; number: bigint; members: string[] }[] = []
  const probe = defineExtension({
    name: 'probe',
    doc: 'Hears of what is missed',
    setup: () => ({
      on: {
        'room:missed': ({ message, number, members }) => {
          heard.push({
            body: message.child('body', NS.client)?.getText() ?? '',
            number,
            members: members.map(String).sort(),
          })
        },
      },
    }),
  })
  const server = core({
    extensions: [...extensions, probe],
    options: { muc: { 'members-per-group': 1_000 } },
  })
  const alice = await server.session('alice', '1')
  await alice.send('presence', { to: `${TEA}/al` }, xml('x', { xmlns: NS.room }))
  const form = xml(
    'x',
    { xmlns: NS.forms, type: 'submit' },
    xml('field', { var: 'FORM_TYPE' }, xml('value', {}, NS.roomConfig)),
    fields.map(name => xml('field', { var: name }, xml('value', {}, '1'))),
  )
  await alice.send('iq', { type: 'set', to: TEA, id: 'c' }, xml('query', { xmlns: NS.roomOwner }, form))
  await server.settled()
  const items = Object.entries(members).map(([user, nick]) =>
    xml('item', { jid: `${user}@localhost`, affiliation: 'member', ...(nick !== undefined && { nick }) }),
  )
  await alice.send('iq', { type: 'set', to: TEA, id: 'm' }, xml('query', { xmlns: NS.roomAdmin }, items))
  await server.settled()
  const say = async (text: string, ...more: ReturnType<typeof xml>[]) => {
    const body = text === '' ? [] : [xml('body', {}, text)]
    await alice.send('message', { to: TEA, type: 'groupchat', id: 'x' }, ...body, ...more)
    await server.settled()
    return heard.splice(0)
  }
  return { ...server, alice, say }
}

t.test('in a group all members who have not entered, once for each message that is new', async t => {
  const { say, session, settled } = await room({
    fields: ['tidings:groups#group'],
    members: { bob: undefined, carol: undefined },
  })
  const [first] = await say('one')
  t.same(first?.members, ['bob@localhost', 'carol@localhost'])
  t.ok(first!.number > 0n)
  t.same(await say('', xml('composing', { xmlns: NS.chatStates })), [], 'nobody misses that somebody types')
  const bob = await session('bob', '1')
  await bob.send('presence', { to: `${TEA}/bob` }, xml('x', { xmlns: NS.room }))
  await settled()
  t.same(
    (await say('two')).map(({ members }) => members),
    [['carol@localhost']],
  )
  await bob.send('presence', { to: `${TEA}/bob`, type: 'unavailable' })
  const mute = xml('mute', { xmlns: NS.groups, until: 'always' })
  await bob.send('iq', { type: 'set', to: TEA, id: 'mute' }, mute)
  await settled()
  t.same(
    (await say('three')).map(({ members }) => members),
    [['carol@localhost']],
    'Bob wants to be told of nothing',
  )
  const all = bob.received.join('')
  t.match(all, '<body>two</body>')
  t.notMatch(all, '<body>three</body>', 'no groupchat for who is not there')
})

t.test('in other rooms those who are mentioned', async t => {
  const { say } = await room({ members: { bob: 'Bob', carol: 'C. [x]' } })
  t.same(await say('hello all'), [])
  t.same(
    (await say('bob, tea?')).map(({ members }) => members),
    [['bob@localhost']],
  )
  t.same(await say('bobsleigh'), [], 'a part of a word is no name')
  t.same(
    (await say('for c. [X]')).map(({ members }) => members),
    [['carol@localhost']],
  )
  const reference = (uri: string) => xml('reference', { xmlns: NS.references, type: 'mention', uri })
  t.same(
    (await say('you', reference('xmpp:carol@localhost'))).map(({ members }) => members),
    [['carol@localhost']],
  )
  t.same(
    (await say('you', reference(`xmpp:${TEA}/Bob`))).map(({ members }) => members),
    [['bob@localhost']],
  )
  t.same(await say('you', reference('xmpp:%'), reference('https://example.org/')), [])
})

t.test('in a group of many those who are mentioned', async t => {
  const many = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`u${i}`, undefined]))
  const { say, alice } = await room({
    fields: ['tidings:groups#group'],
    members: { ...many, bob: 'Bob' },
  })
  t.same(await say('one'), [])
  t.same(
    (await say('Bob!')).map(({ members }) => members),
    [['bob@localhost']],
  )
  alice.received.length = 0
  await say('', xml('displayed', { xmlns: NS.chatMarkers, id: 'any' }))
  t.same(alice.received, [], 'nor are markers handed on')
})
