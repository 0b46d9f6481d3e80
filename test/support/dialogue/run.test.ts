import t, { type Test } from 'tap'
import { TestServer } from '../test-server.ts'
import { DialogueError } from './failure.ts'
import { parseDialogue } from './parse.ts'
import { runDialogue } from './run.ts'

const HEAD = `# RFC 6120 §4.1: A sentence that is long enough to be one.
[alice] alice@localhost/1   [bob] bob@localhost/1   [eve] tcp
-----
`

async function play(t: Test, steps: string): Promise<void> {
  const accounts = ['alice', 'bob'].map(name => [`${name}@localhost`, 'secret'] as const)
  const server = await TestServer.start({ accounts })
  t.teardown(() => server.close())
  await runDialogue(parseDialogue(HEAD + steps, '6120-test.dialogue'), server)
}

const PING = '<iq type="get" to="localhost" id="1"><ping xmlns="urn:xmpp:ping"/></iq>'
const PONG = '<iq type="result" from="localhost" to="{alice}" id="1"/>'

t.test('a dialogue that goes as written', async t => {
  await play(t, `alice connects\nalice sends: ${PING}\nalice receives: ${PONG}\nalice disconnects`)
})

t.test('what comes in any order', async t => {
  const both = `${PONG}<iq type="result" from="alice@localhost" to="{alice}" id="0"/>`
  await play(
    t,
    `alice connects\nalice sends: <iq type="get" id="0"><ping xmlns="urn:xmpp:ping"/></iq>${PING}\nalice receives in any order: ${both}`,
  )
})

for (const [steps, why] of [
  [
    `alice connects\nalice sends: ${PING}\nalice receives: <iq type="error"/>`,
    /line 6: alice receives: iq: attribute type/,
  ],
  [`alice connects\nalice receives: ${PONG}`, /line 5: alice receives: nothing came/],
  [`alice connects\nalice sends: ${PING}\nalice receives nothing`, /line 6: alice receives nothing: it does/],
  [`alice connects\nalice sends: ${PING}`, /line 5: alice sends: after that alice received more/],
  [
    `alice connects\nbob comes online\nalice sends: <message to="{bob}"/>\nbob receives nothing`,
    /line 7: bob receives nothing: it does/,
  ],
  [`alice connects\nalice sends: <message to="{bob}"/>`, /nothing has given \{bob\} a value yet/],
  [`alice connects\nalice sends: ${PING}\nalice receives in any order: ${PONG}<iq/>`, /not among them/],
  [`alice connects\nalice sends: ${PING}\nalice's stream ends`, /line 6: alice's stream ends: it does not/],
  ['alice sends: <presence/>', /line 4: alice sends: alice is not connected/],
  ['eve connects\neve receives nothing', /line 5: .*certain only when a resource is bound/],
  [
    "eve connects\neve sends: </stream:stream>\neve's connection ends",
    /line 6: eve's connection ends: something came before/,
  ],
  [
    'eve connects\neve opens a stream\neve signs in as alice@localhost with wrong',
    /line 6: .*waits for <success\/>/,
  ],
] as const)
  t.test(`fails: ${steps.split('\n').at(-1)}`, async t => {
    await t.rejects(play(t, steps), { name: 'DialogueError', message: why })
  })

t.test('the error has both sides, with values filled in', async t => {
  const error = await play(
    t,
    `alice connects\nalice sends: ${PING}\nalice receives: <message to="{alice}"/>`,
  ).catch(e => e)
  t.type(error, DialogueError)
  t.equal(error.expected, '<message to="alice@localhost/1"/>')
  t.match(error.received, /^<iq .*type="result"/)
})

t.test('time and the end of the server', async t => {
  await play(
    t,
    `eve connects\neve opens a stream\ntime passes 1 hour\neve receives: <stream:error>{...}</stream:error>\neve's stream ends`,
  )
  await play(
    t,
    `alice connects\nthe server stops\nalice receives: <stream:error>{...}</stream:error>\nalice's stream ends`,
  )
})
