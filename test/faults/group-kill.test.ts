/**
 * A group of 256 members, 200 of them offline, over Redis and Cassandra: 20 of those who are there say 1,000 things while the node that runs the room
 * is killed (SIGKILL). In the end every member has the same view, whether he was there or not: each message once, in the same order.
 */
import t from 'tap'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses, startServices } from '../support/cluster-processes.ts'
import { GroupClient } from '../support/group-client.ts'

const NODES = 3
const MEMBERS = 256
const PRESENT = 56
const SENDERS = 20
const MESSAGES = 1_000
const ROOM = 'family@rooms.localhost'
const PASSWORD = 'secret'
/** Members who catch up at once. */
const AT_ONCE = 8

t.setTimeout(400_000)

const skip = withoutCassandra()
if (skip !== undefined) t.plan(0, skip)
else {
  const users = Array.from({ length: MEMBERS }, (_, i) => `user${i}`)
  const services = await startServices(t)
  const cluster = await clusterProcesses(t, {
    services,
    name: 'group',
    users,
    password: PASSWORD,
    nodes: NODES,
  })
  const member = (user: string): GroupClient => {
    const client = new GroupClient({ port: () => cluster.somePort(), user, password: PASSWORD, room: ROOM })
    t.teardown(() => client.end())
    return client
  }

  t.test('all members have the same view', async t => {
    const [owner, ...others] = users.slice(0, PRESENT).map(member)
    await owner!.stay()
    const field = (name: string, value: string): string =>
      `<field var='${name}'><value>${value}</value></field>`
    const form = [
      field('FORM_TYPE', 'http://jabber.org/protocol/muc#roomconfig'),
      field('tidings:groups#group', '1'),
    ]
    const config = `<x xmlns='jabber:x:data' type='submit'>${form.join('')}</x>`
    const configured = await owner!.ask(
      'set',
      `<query xmlns='http://jabber.org/protocol/muc#owner'>${config}</query>`,
      ROOM,
    )
    t.match(configured.tag, /type=["']result/, configured.text)
    const items = users.slice(1).map(user => `<item affiliation='member' jid='${user}@localhost'/>`)
    const added = await owner!.ask(
      'set',
      `<query xmlns='http://jabber.org/protocol/muc#admin'>${items.join('')}</query>`,
      ROOM,
    )
    t.match(added.tag, /type=["']result/, added.text)
    for (const client of others) await client.stay()

    const present = [owner!, ...others]
    const senders = present.slice(0, SENDERS)
    const said: string[] = []
    const say = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const body = `message ${said.length}`
        said.push(body)
        senders[said.length % SENDERS]!.say(body)
      }
    }
    say(MESSAGES / 2)
    await owner!.until(() => owner!.seen.length >= MESSAGES / 10)
    const [victim] = cluster.nodes
    await victim!.end('SIGKILL')
    say(MESSAGES / 2)
    await agreed(cluster.nodes[1]!, NODES - 1)
    for (const sender of senders) await sender.until(() => sender.open === 0)
    t.not(
      present.reduce((sum, { breaks }) => sum + breaks, 0),
      0,
      'somebody noticed',
    )
    await victim!.start()
    await agreed(cluster.nodes[1]!, NODES)

    const view = member(users.at(-1)!)
    await view.catchUp()
    // The first is the notice of the room of who was added.
    const heard = view.seen.map(({ body }) => body).filter(body => body.startsWith('message '))
    t.same(heard.toSorted(), said.toSorted(), 'all that was said, each once')
    for (const client of present) {
      await client.until(() => client.seen.length >= view.seen.length).catch(() => undefined)
      t.same(client.seen, view.seen, `${client.user}, who was there, after ${client.breaks} breaks`)
      t.equal(client.strays, 0, `${client.user} heard nothing of the room before it had entered again`)
    }
    const absent = users.slice(PRESENT)
    for (let i = 0; i < absent.length; i += AT_ONCE)
      await Promise.all(
        absent.slice(i, i + AT_ONCE).map(async user => {
          const client = member(user)
          await client.catchUp()
          t.same(client.seen, view.seen, `${user}, who was away`)
          t.equal(client.strays, 0)
          const { text } = await client.ask('get', "<unread xmlns='tidings:groups:0'/>", ROOM)
          t.match(text, `count="${MESSAGES}"`, `${user} has read nothing`)
          client.end()
        }),
      )
    const last = view.seen.at(-1)!.id
    const { text } = await owner!.ask('get', `<ticks xmlns='tidings:groups:0' id='${last}'/>`, ROOM)
    const [, members = 0, delivered = 0] = /members="(\d+)" delivered="(\d+)"/.exec(text)?.map(Number) ?? []
    t.equal(members, MEMBERS - 1, 'all but the author of the last message')
    t.ok(delivered >= absent.length && delivered <= members, `${delivered} are known to have it`)
    t.equal(text.match(/<member /g)?.length, members, 'each with a state')
  })
}
