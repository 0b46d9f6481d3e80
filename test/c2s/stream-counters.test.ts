/** XEP-0198 §4, §5: what both ends count, over many connections and over the end of 32 bits. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { StreamCounters } from '../../src/c2s/stream-counters.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza, type StanzaKind } from '../../src/xml/stanza.ts'
import type { StreamError } from '../../src/xml/stream-error.ts'

const WRAP = 2 ** 32
const ALICE = JID.parse('alice@localhost/a')

const stanza = (kind: StanzaKind, id: string, from = 'bob@localhost/b', type?: string): Stanza =>
  Stanza.build(kind, { from: JID.parse(from), to: ALICE, id, type }, xml('x', { xmlns: 'test' }, 'y'))

const sent = (one: Stanza) => ({ stanza: one, at: 0, number: 0 })

/** Counters that have come so far. */
const from = (count: number) => new StreamCounters({ handled: count, sent: count, unacknowledged: [] })

/** A client that counts as XEP-0198 §4 has it, and what is under way to it. */
class Client {
  readonly received: Stanza[] = []
  wire: Stanza[] = []
  count: number

  constructor(count: number) {
    this.count = count
  }

  get h(): number {
    return this.count % WRAP
  }

  read(most: number): void {
    const read = this.wire.splice(0, most)
    this.count += read.length
    this.received.push(...read)
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('message' as const) }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('presence' as const), who: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('read' as const), most: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('acknowledge' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('lose' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('resume' as const), most: fc.nat(8) }) },
)

t.test('nothing is lost, repeated or out of order, however often the connection breaks', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: WRAP - 20, max: WRAP + 5 }),
      fc.array(step, { maxLength: 80 }),
      (start, steps) => {
        const counters = from(start)
        const client = new Client(start)
        const messages: string[] = []
        const latest = new Map<string, string>()
        let connected = true
        let reached = start
        // What is kept is on its way once all before it was repeated.
        let behind = false
        const repeat = (most: number): void => {
          for (let i = 0; i < most && behind; i++) {
            const next = counters.next()
            if (next === undefined) behind = false
            else client.wire.push(next)
          }
        }
        const send = (one: Stanza): void => {
          if (connected && !behind) {
            client.wire.push(one)
            counters.add(sent(one))
          } else counters.keep(sent(one))
        }
        const lose = (): void => {
          client.wire = []
          counters.leave()
          connected = false
        }
        const resume = (): void => {
          counters.check(client.h)
          counters.acknowledge(client.h)
          connected = true
          behind = true
        }
        steps.forEach((step, i) => {
          switch (step.does) {
            case 'message':
              messages.push(String(i))
              send(stanza('message', String(i)))
              break
            case 'presence': {
              const who = `carol@localhost/${step.who}`
              latest.set(who, String(i))
              send(stanza('presence', String(i), who, i % 3 === 0 ? 'unavailable' : undefined))
              break
            }
            case 'read':
              client.read(step.most)
              break
            case 'acknowledge':
              if (connected) counters.acknowledge(client.h)
              break
            case 'lose':
              if (connected) lose()
              break
            case 'resume':
              if (!connected) resume()
              repeat(step.most)
          }
          // More than has been on the wire was never acknowledged.
          reached = Math.max(reached, client.count + client.wire.length)
          assert.throws(() => counters.check((reached + 1) % WRAP))
        })
        if (connected) lose()
        resume()
        repeat(Number.POSITIVE_INFINITY)
        const whole = counters.missing()
        client.read(client.wire.length)
        counters.acknowledge(client.h)
        assert.equal(counters.pending.length, 0)
        assert.equal(counters.bytes, 0)
        assert.ok(whole === 0 || whole instanceof Promise)
        const ids = (kind: StanzaKind) => client.received.filter(one => one.kind === kind).map(({ id }) => id)
        assert.deepEqual(ids('message'), messages)
        assert.deepEqual(
          ids('presence'),
          [...ids('presence')].sort((a, b) => Number(a) - Number(b)),
          'presence keeps its order',
        )
        assert.equal(new Set(client.received).size, client.received.length, 'once each')
        for (const [who, id] of latest)
          assert.equal(
            client.received.findLast(one => one.from.toString() === who)?.id,
            id,
            'the latest presence of each',
          )
      },
    ),
    { numRuns: 300 },
  )
})

t.test('stanzas count in the order they came, whenever they are handled', async () => {
  const turns = fc.array(fc.record({ request: fc.boolean(), order: fc.nat() }), { maxLength: 40 })
  fc.assert(
    fc.property(fc.integer({ min: WRAP - 10, max: WRAP }), turns, (start, kinds) => {
      const counters = from(start)
      const answers: number[] = []
      const expected: number[] = []
      let stanzas = start
      const begun = kinds.map(({ request, order }) => {
        if (request) expected.push(stanzas % WRAP)
        else stanzas++
        return { order, turn: counters.begin(request ? 'request' : 'stanza') }
      })
      for (const { turn } of begun.toSorted((a, b) => a.order - b.order))
        counters.finish(turn, () => answers.push(counters.h))
      assert.deepEqual(answers, expected)
      assert.equal(counters.h, stanzas % WRAP)
      assert.equal(counters.idle(), undefined)
    }),
  )
})

t.test('after 2^32 - 1 comes 0', async t => {
  const counters = from(WRAP - 1)
  counters.finish(counters.begin('stanza'), () => {})
  t.equal(counters.h, 0)
  for (const id of ['1', '2', '3']) counters.add(sent(stanza('message', id)))
  counters.acknowledge(1)
  t.same(
    counters.pending.map(({ stanza }) => stanza.id),
    ['3'],
  )
  try {
    counters.acknowledge(3)
    t.fail('too many')
  } catch (error) {
    const { application } = error as StreamError
    t.equal(application?.toString(), '<handled-count-too-high xmlns="urn:xmpp:sm:3" h="3" send-count="2"/>')
  }
})

t.test('a client that has come no further is asked again once', async t => {
  const counters = from(0)
  t.ok(counters.add(sent(stanza('message', '1'))))
  counters.asked()
  t.ok(counters.acknowledge(0))
  counters.asked()
  t.notOk(counters.acknowledge(0))
  t.ok(counters.add(sent(stanza('message', '2'))))
  counters.asked()
  t.ok(counters.acknowledge(1), 'it has come further, and not far enough')
})

t.test('who waits for an acknowledgement is told when it is there', async t => {
  const counters = from(WRAP - 1)
  t.equal(counters.missing(), 0)
  counters.add(sent(stanza('message', '1')))
  const first = counters.missing()
  counters.leave()
  counters.keep(sent(stanza('presence', '2')))
  const second = counters.missing()
  // Replaces the other one: the count that is waited for goes down by one.
  counters.keep(sent(stanza('presence', '3')))
  counters.next()
  counters.next()
  counters.acknowledge(0)
  t.equal(await first, 0)
  counters.acknowledge(1)
  t.equal(await second, 0)
  counters.add(sent(stanza('message', '4')))
  const last = counters.missing()
  counters.release()
  t.equal(await last, 1)
  t.equal(counters.missing(), 1, 'and who asks later, too')
  t.equal(counters.take(false).length, 1)
})

t.test('only how somebody is gets replaced', async t => {
  const counters = from(0)
  counters.leave()
  const all = [
    stanza('presence', '1', 'carol@localhost', 'subscribe'),
    stanza('presence', '2', 'carol@localhost', 'unsubscribed'),
    stanza('presence', '3', 'carol@localhost', 'error'),
    stanza('presence', '4', 'carol@localhost/a'),
    stanza('presence', '5', 'carol@localhost/b'),
    stanza('iq', '6', 'carol@localhost/a'),
  ]
  for (const one of [...all, ...all]) counters.keep(sent(one))
  t.same(
    counters.pending.map(({ stanza }) => stanza.id),
    ['1', '2', '3', '6', '1', '2', '3', '4', '5', '6'],
  )
})

t.test(
  'a client whose count is too low is asked once more, and has what came before when it closes its stream',
  async t => {
    const counters = from(0)
    for (const id of ['1', '2']) counters.add(sent(stanza('message', id)))
    counters.asked()
    t.equal(counters.acknowledge(1), true, 'it may not have had the second one')
    counters.asked()
    t.equal(counters.acknowledge(1), false, 'it has answered twice')
    t.same(
      counters.take(true).map(left => left.stanza.id),
      [],
    )
  },
)

t.test('what a client has not been asked for twice is not taken for received', async t => {
  const counters = from(0)
  counters.add(sent(stanza('message', '1')))
  counters.asked()
  counters.acknowledge(0)
  counters.add(sent(stanza('message', '2')))
  counters.asked()
  counters.acknowledge(0)
  t.same(
    counters.take(true).map(left => left.stanza.id),
    ['1', '2'],
  )
  const lost = from(0)
  lost.add(sent(stanza('message', '1')))
  for (let i = 0; i < 2; i++) {
    lost.asked()
    lost.acknowledge(0)
  }
  t.equal(lost.take(false).length, 1, 'nor anything of a client that has not closed its stream')
})

t.test('it is told what a client has acknowledged, each once, and nothing where there is nothing new', t => {
  const counters = from(WRAP - 1)
  const told: (string | undefined)[][] = []
  const acknowledge = (h: number) =>
    counters.acknowledge(h, all => told.push(all.map(({ stanza }) => stanza.id)))
  for (const id of ['1', '2', '3']) counters.add(sent(stanza('message', id)))
  acknowledge(WRAP - 1)
  acknowledge(1)
  acknowledge(1)
  t.throws(() => acknowledge(3), 'more than it was sent')
  acknowledge(2)
  t.same(told, [['1', '2'], ['3']])
  t.end()
})
