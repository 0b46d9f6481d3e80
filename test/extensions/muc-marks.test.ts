/** What members of a group have not read, and who has read what: docs/protocol/groups.md. The marks add up, whatever came in which order. */
import t from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { core, type TestSession } from '../support/core.ts'
import { randomNumbers } from '../support/random.ts'

const TEA = 'tea@rooms.localhost'
const MEMBERS = 12
const STEPS = 150

/** A group whose members are the first of some users, all of them in it. */
async function group(users: readonly string[], more: number) {
  const server = core({ extensions, accounts: users, options: { muc: { 'members-per-group': 1_000 } } })
  const clients: TestSession[] = []
  for (const user of users) clients.push(await server.session(user, '1'))
  const [owner] = clients
  const enter = async (client: TestSession, user: string): Promise<void> => {
    await client.send('presence', { to: `${TEA}/${user}` }, xml('x', { xmlns: NS.room }))
    await server.settled()
  }
  await enter(owner!, users[0]!)
  const field = (name: string, value: string) => xml('field', { var: name }, xml('value', {}, value))
  const form = xml('x', { xmlns: NS.forms, type: 'submit' }, [
    field('FORM_TYPE', NS.roomConfig),
    field('tidings:groups#group', '1'),
  ])
  await owner!.send('iq', { type: 'set', to: TEA, id: 'c' }, xml('query', { xmlns: NS.roomOwner }, form))
  await server.settled()
  const names = [...users.slice(1), ...Array.from({ length: more }, (_, i) => `away${i}`)]
  const items = names.map(user => xml('item', { jid: `${user}@localhost`, affiliation: 'member' }))
  await owner!.send('iq', { type: 'set', to: TEA, id: 'm' }, xml('query', { xmlns: NS.roomAdmin }, items))
  await server.settled()
  for (const [i, user] of users.entries()) if (i > 0) await enter(clients[i]!, user)
  const groupchat = { to: TEA, type: 'groupchat', id: 'x' }
  /** Gives the stanza-id. */
  const say = async (client: TestSession): Promise<string> => {
    await client.send('message', groupchat, xml('body', {}, 'x'))
    await server.settled()
    return /<stanza-id [^>]*id="([^"]+)"/.exec(owner!.received.at(-1)!)![1]!
  }
  const mark = async (client: TestSession, id: string): Promise<void> => {
    await client.send('message', groupchat, xml('displayed', { xmlns: NS.chatMarkers, id }))
    await server.settled()
  }
  const ask = async (client: TestSession, name: string, attributes = {}): Promise<string> => {
    await client.send(
      'iq',
      { type: 'get', to: TEA, id: 'ask' },
      xml(name, { xmlns: NS.groups, ...attributes }),
    )
    await server.settled()
    return client.received.at(-1)!
  }
  return { clients, say, mark, ask }
}

const numberIn = (answer: string, name: string): number =>
  Number(new RegExp(` ${name}="(\\d+)"`).exec(answer)?.[1])

t.test('counts and ticks are those of a list of all that happened', async t => {
  const users = Array.from({ length: MEMBERS }, (_, i) => `user${i}`)
  const { clients, say, mark, ask } = await group(users, 0)
  const pick = randomNumbers(7)
  const messages: { id: string; author: number }[] = []
  /** Of each member: how many messages there were at the last that he has read, by a marker, and by anything. */
  const read = users.map(() => 0)
  const seen = users.map(() => 0)
  for (let step = 0; step < STEPS; step++) {
    const who = Math.floor(pick() * MEMBERS)
    if (messages.length === 0 || pick() < 0.5) {
      messages.push({ id: await say(clients[who]!), author: who })
      seen[who] = messages.length
    } else {
      const upTo = 1 + Math.floor(pick() * messages.length)
      await mark(clients[who]!, messages[upTo - 1]!.id)
      read[who] = Math.max(read[who]!, upTo)
      seen[who] = Math.max(seen[who]!, upTo)
    }
  }
  for (const [who, client] of clients.entries())
    t.equal(numberIn(await ask(client, 'unread'), 'count'), messages.length - seen[who]!, `user${who}`)
  for (const [index, { id, author }] of messages.entries()) {
    const answer = await ask(clients[0]!, 'ticks', { id })
    const others = users.map((_, who) => who).filter(who => who !== author)
    const wrote = (who: number) => messages.some((one, i) => i > index && one.author === who)
    t.equal(numberIn(answer, 'members'), MEMBERS - 1)
    t.equal(numberIn(answer, 'read'), others.filter(who => read[who]! > index).length, `read ${index}`)
    t.equal(
      numberIn(answer, 'delivered'),
      others.filter(who => read[who]! > index || wrote(who)).length,
      `delivered ${index}`,
    )
    t.equal(answer.split('<member ').length - 1, MEMBERS - 1, 'each one is listed')
  }
})

t.test('in a group of more than 256 there are only the numbers', async t => {
  const { clients, say, mark, ask } = await group(['alice', 'bob'], 256)
  const id = await say(clients[0]!)
  await mark(clients[1]!, id)
  const answer = await ask(clients[0]!, 'ticks', { id })
  t.equal(numberIn(answer, 'members'), 257)
  t.equal(numberIn(answer, 'read'), 1)
  t.notMatch(answer, '<member ')
  t.equal(numberIn(await ask(clients[1]!, 'unread'), 'count'), 0)
})
