/** XEP-0352: what waits for an inactive client is bounded, and of any number of presences the latest of each resource waits. */

import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { Inactivity } from '../../src/c2s/client-state.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { ManualClock } from '../support/clock.ts'
import { signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const TO = JID.parse('alice@localhost/a')

const presence = (from: string, id: string, status = '') =>
  Stanza.build('presence', { from: JID.parse(from), to: TO, id }, xml('status', {}, status))
const message = (from: string, id: string, child = xml('body', {}, 'hi')) =>
  Stanza.build('message', { from: JID.parse(from), to: TO, id, type: 'chat' }, child)
const composing = xml('composing', { xmlns: NS.chatStates })

const idsOf = (all: readonly { readonly stanza: Stanza }[]) => all.map(({ stanza }) => stanza.id)

t.test('no more than 500 wait: all of them go with the next', async t => {
  const state = new Inactivity(new ManualClock())
  for (let i = 0; i < 500; i++) t.same(state.take(presence(`u${i}@localhost/r`, String(i)), 0), [])
  t.same(state.take(presence('u3@localhost/r', 'again'), 0), [], 'it replaces one')
  const all = idsOf(state.take(presence('last@localhost/r', 'last'), 0))
  t.equal(all.length, 501)
  t.same(all.slice(-2), ['again', 'last'])
  t.same(state.end(), [])
})

t.test('nor more than 256 KiB of them', async t => {
  const state = new Inactivity(new ManualClock())
  const long = 'x'.repeat(100 * 1024)
  for (let i = 0; i < 10; i++) t.same(state.take(presence('bob@localhost/r', String(i), long), 0), [])
  t.same(state.take(presence('carol@localhost/r', 'c', long), 0), [])
  t.same(idsOf(state.take(presence('dave@localhost/r', 'd', long), 0)), ['9', 'c', 'd'])
  t.same(state.take(presence('bob@localhost/r', 'e', long), 0), [], 'counted anew')
})

t.test(
  'whatever comes: nothing but what was replaced or is stale gets lost, and each sender keeps its order',
  async () => {
    const kind = fc.constantFrom('presence' as const, 'state' as const, 'message' as const, 'time' as const)
    const steps = fc.array(fc.record({ kind, user: fc.nat(2), resource: fc.nat(1) }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, steps => {
        const clock = new ManualClock()
        const state = new Inactivity(clock)
        const sent: { id: number; from: string; kind: string; at: number }[] = []
        const out: string[] = []
        steps.forEach(({ kind, user, resource }, i) => {
          if (kind === 'time') {
            clock.advance(10_000)
            return
          }
          const from = `user${user}@localhost/${resource}`
          const id = String(i)
          sent.push({ id: i, from, kind, at: clock.monotonic() })
          const one =
            kind === 'presence'
              ? presence(from, id)
              : message(from, id, kind === 'state' ? composing : undefined)
          const now = idsOf(state.take(one, 0))
          // Only a message goes at once, and last.
          assert.equal(now.at(-1), kind === 'message' ? id : undefined)
          out.push(...now.map(String))
        })
        out.push(...idsOf(state.end()).map(String))
        for (const { id, from, kind, at } of sent) {
          const replaced = sent.some(other => other.id > id && other.from === from && other.kind === kind)
          if (kind === 'message') assert.ok(out.includes(String(id)))
          else if (!replaced && (kind === 'presence' || clock.monotonic() - at < 30_000))
            assert.ok(out.includes(String(id)))
        }
        for (const user of [0, 1, 2]) {
          const of = out
            .map(Number)
            .filter(id => sent.some(one => one.id === id && one.from.startsWith(`user${user}@`)))
          assert.deepEqual(
            of,
            of.toSorted((a, b) => a - b),
          )
        }
      }),
    )
  },
)

t.test('a client that wakes up gets what has waited in one write', async t => {
  const people = ['bob', 'carol', 'dave', 'erin', 'frank']
  const accounts = ['alice', ...people].map(name => [`${name}@localhost`, 'secret'] as const)
  const server = await TestServer.start({ accounts })
  t.teardown(() => server.close())
  const { tcp } = server.ports[0]!
  const alice = await signedIn(t, tcp, 'alice', 'secret')
  alice.send("<inactive xmlns='urn:xmpp:csi:0'/><iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
  await alice.expect(/<iq [^>]*id="1"/)
  for (const name of people) {
    const one = await signedIn(t, tcp, name, 'secret')
    one.send("<presence to='alice@localhost/r'/>")
    one.send(`<message to='alice@localhost/r' type='chat'><composing xmlns='${NS.chatStates}'/></message>`)
    one.send("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
    await one.expect(/<iq [^>]*id="1"/)
  }
  await server.settled()
  const written = t.capture(Socket.prototype, 'write', Socket.prototype.write)
  alice.send("<active xmlns='urn:xmpp:csi:0'/>")
  await alice.expect(/frank@localhost.*frank@localhost/s)
  const [, ...answers] = written().map(({ args }) => String(args[0]))
  t.equal(answers.length, 1)
  t.equal(answers[0]?.split('<presence').length, people.length + 1)
  t.equal(answers[0]?.split('<composing').length, people.length + 1)
})
