/** RFC 6121 Appendix A, row by row and at random: the real extensions beside a copy of the RFC's tables. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import presence from '../../src/extensions/presence/index.ts'
import roster from '../../src/extensions/roster/index.ts'
import type { ContactRow } from '../../src/extensions/roster/rows.ts'
import { INBOUND, OUTBOUND, type State, type SubscriptionType } from '../../src/extensions/roster/states.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { core, type TestSession } from '../support/core.ts'
import { OUR_NAMES, ROWS, type TableRow } from './subscription-tables.ts'

const TYPES = ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'] as const
const alice = JID.parse('alice@localhost')
const bob = JID.parse('bob@localhost')

const server = (nodes = 1) => core({ extensions: [roster, presence], nodes })
type Server = ReturnType<typeof server>

const rowsOf = ({ storage }: Server) => storage.table<ContactRow>('roster', 'lww')
const getRoster = (session: TestSession) =>
  session.send('iq', { type: 'get', id: 'r' }, xml('query', { xmlns: NS.roster }))

t.equal(ROWS.length, 72)
t.test('the tables are those of the RFC', async t => {
  for (const { direction, type, state, passes, next } of ROWS) {
    const table = direction === 'outbound' ? OUTBOUND : INBOUND
    const ours = table[type as SubscriptionType][OUR_NAMES[state] as State]
    t.same(ours, { passes, next: OUR_NAMES[next] }, `${direction} ${type}: ${state}`)
  }
})

const subscription = (state: string) => /^(none|to|from|both)/.exec(state)?.[1]
const ask = (state: string) => (state.includes('out') ? ' ask="subscribe"' : '')

for (const row of ROWS)
  t.test(`${row.direction} ${row.type}: ${row.state}`, async t => {
    const [state, next] = [OUR_NAMES[row.state] as State, OUR_NAMES[row.next] as State]
    const running = server()
    const rows = rowsOf(running)
    const before: ContactRow = { name: 'Bob', state, listed: true, approved: false, version: 1 }
    await running.storage.commit([rows.put(alice, 'bob@localhost', before)])
    const user = await running.session('alice', 'phone')
    await getRoster(user)
    await user.send('presence', {})
    const contact = await running.session('bob', 'desk')
    await contact.send('presence', {})
    await running.settled()
    user.received.length = 0
    contact.received.length = 0

    if (row.direction === 'outbound') {
      await user.send('presence', { to: 'bob@localhost/desk', type: row.type, id: '1' })
      await running.settled()
    } else {
      const stanza = { type: row.type, id: '1', from: JID.parse('bob@localhost/desk'), to: alice }
      running.routers[0]?.route(Stanza.build('presence', stanza))
      await running.settled()
    }
    const after = await rows.get(alice, 'bob@localhost')
    checkState(t, row, after)
    const item = new RegExp(
      `<item jid="bob@localhost" name="Bob" subscription="${subscription(next)}"${ask(next)}/>`,
    )
    const seen = subscription(state) !== subscription(next) || ask(state) !== ask(next)
    const pushes = user.received.filter(text => text.startsWith('<iq') && text.includes('type="set"'))
    // A pre-approval is a change that is seen, too.
    t.equal(pushes.length, seen || after?.approved ? 1 : 0, 'pushed where clients see a change')
    if (seen) t.match(pushes[0], item)
    const delivered = user.received.filter(text => text.includes(`type="${row.type}"`))
    if (row.direction === 'inbound') {
      t.same(
        delivered,
        row.passes ? [`<presence to="alice@localhost" from="bob@localhost" type="${row.type}" id="1"/>`] : [],
      )
      if (row.type !== 'subscribe' && seen && row.passes)
        t.match(user.received[0], '<presence', 'the stanza comes before the push')
    }
    const gone = contact.received.some(text => /from="alice@localhost\/phone" type="unavailable"/.test(text))
    const gave = ['from', 'both'].includes(subscription(state) ?? '')
    const gives = ['from', 'both'].includes(subscription(next) ?? '')
    t.equal(gone, gave && !gives, 'who gets presence no more hears of it')
  })

function checkState(
  t: Test,
  { type, direction, next, state, passes }: TableRow,
  after: ContactRow | undefined,
): void {
  t.equal(after?.state, OUR_NAMES[next])
  // RFC 6121 §3.4.2: the one effect of a stanza that is not routed.
  const approves = direction === 'outbound' && type === 'subscribed' && !passes && !/From|Both/.test(state)
  t.equal(after?.approved, approves)
}

/** What the tables make of two users' states. */
class Model {
  readonly states: Record<string, string> = { alice: 'None', bob: 'None' }
  readonly approved: Record<string, boolean> = { alice: false, bob: false }

  send(from: string, type: string): void {
    const { passes } = this.#turn('outbound', from, type)
    if (type === 'unsubscribed') this.approved[from] = false
    if (type === 'subscribed' && !passes && !this.#sends(from)) this.approved[from] = true
    if (passes) this.#arrive(from === 'alice' ? 'bob' : 'alice', type)
  }

  #arrive(at: string, type: string): void {
    const other = at === 'alice' ? 'bob' : 'alice'
    if (type !== 'subscribe') return void this.#turn('inbound', at, type)
    const granted = this.#sends(at)
    const { passes } = this.#turn('inbound', at, type)
    if (granted) this.#turn('inbound', other, 'subscribed')
    else if (passes && this.approved[at]) {
      this.#turn('outbound', at, 'subscribed')
      this.#turn('inbound', other, 'subscribed')
    }
  }

  #sends(user: string): boolean {
    return /From|Both/.test(this.states[user] as string)
  }

  #turn(direction: string, user: string, type: string): TableRow {
    const row = ROWS.find(
      one => one.direction === direction && one.type === type && one.state === this.states[user],
    ) as TableRow
    this.states[user] = row.next
    return row
  }
}

const step = fc.record({ from: fc.constantFrom('alice', 'bob'), type: fc.constantFrom(...TYPES) })

for (const nodes of [1, 2])
  t.test(`any conversation leads where the tables lead, ${nodes} node(s)`, async t => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const running = server(nodes)
        const sessions: Record<string, TestSession> = {
          alice: await running.session('alice', 'a'),
          bob: await running.session('bob', 'b', nodes - 1),
        }
        for (const session of Object.values(sessions)) await session.send('presence', {})
        const model = new Model()
        for (const { from, type } of steps) {
          const to = from === 'alice' ? 'bob@localhost' : 'alice@localhost'
          await sessions[from]?.send('presence', { to, type })
          await running.settled()
          model.send(from, type)
        }
        const rows = rowsOf(running)
        const [a, b] = [await rows.get(alice, 'bob@localhost'), await rows.get(bob, 'alice@localhost')]
        t.equal(a?.state ?? 'none', OUR_NAMES[model.states.alice as string])
        t.equal(b?.state ?? 'none', OUR_NAMES[model.states.bob as string])
        t.equal(a?.approved ?? false, model.approved.alice)
      }),
      { numRuns: 150 },
    )
  })
