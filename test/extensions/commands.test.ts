/** XEP-0050: commands of several forms, as other extensions write them. What users can run is in the dialogues 0050 and 0401. */
import t from 'tap'
import { defineExtension } from '../../src/core/extension.ts'
import commands, { badPayload, type Command } from '../../src/extensions/commands/index.ts'
import { CommandSessions } from '../../src/extensions/commands/sessions.ts'
import disco from '../../src/extensions/disco.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { field, resultForm } from '../../src/xml/forms.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { core, type TestSession } from '../support/core.ts'

const ROUTES = { bus: 'By bus', train: 'By train' }

/** Two forms, of which the second may be left out; it refuses one answer itself. */
const travel: Command = {
  node: 'travel',
  name: 'Plan a journey',
  place: 'server',
  access: 'users',
  async run({ ask }) {
    const {
      values: { to, by },
      onward,
    } = await ask(
      {
        title: 'Where to?',
        fields: {
          to: field.text({ label: 'Town', required: true }),
          by: field.choice({ label: 'How', options: ROUTES }),
        },
      },
      { onward: ['next', 'complete'] },
    )
    if (to === 'Atlantis') throw badPayload('no way leads there')
    const back =
      onward === 'next'
        ? await ask(
            { title: `From ${to}`, fields: { back: field.boolean({ label: 'And back', value: true }) } },
            { notes: [{ type: 'warn', text: 'only on weekdays' }] },
          )
        : undefined
    return {
      payload: [resultForm('urn:example:journey', { to: [to], by: [by] })],
      notes: [{ type: 'info', text: back?.values.back ? 'there and back' : 'one way' }],
    }
  },
}

const whoami: Command = {
  node: 'whoami',
  name: 'Who am I?',
  place: 'account',
  access: 'users',
  run: async ({ asker, owner }) => ({ notes: [{ type: 'info', text: `${asker} of ${owner}` }] }),
}

const restart: Command = {
  node: 'restart',
  name: 'Restart',
  place: 'server',
  access: 'admins',
  async run({ ask }) {
    await ask({ title: 'Now?', fields: {} })
    return {}
  },
}

const broken: Command = {
  node: 'broken',
  name: 'Breaks',
  place: 'server',
  access: asker => (asker.local === 'alice' ? 'users' : 'nobody'),
  async run({ ask }) {
    await ask({ title: 'Sure?', fields: {} })
    throw new Error('out of order')
  },
}

async function setUp(options: Record<string, unknown> = {}) {
  const admins = ['carol']
  const clock = new ManualClock()
  const own = defineExtension({
    name: 'own',
    doc: 'Has commands',
    requires: [commands],
    setup(host) {
      for (const command of [travel, whoami, restart, broken]) host.use(commands).add(command)
      return {}
    },
  })
  const server = core({
    extensions: [disco, commands, own],
    options: { commands: options },
    admins,
    clock,
  })
  const iq = async (from: TestSession, type: string, payload: Element, to = 'localhost'): Promise<string> => {
    await from.send('iq', { type, id: '1', to }, payload)
    await server.settled()
    return (from.received.at(-1) ?? '').replace(/^<iq .*?>|<\/iq>$/g, '')
  }
  const run = (
    from: TestSession,
    attributes: Record<string, string | undefined>,
    values?: Record<string, string>,
    to?: string,
  ) => {
    const fields = Object.entries(values ?? {}).map(([name, value]) =>
      xml('field', { var: name }, xml('value', {}, value)),
    )
    const form = values && xml('x', { xmlns: NS.forms, type: 'submit' }, fields)
    return iq(from, 'set', xml('command', { xmlns: NS.commands, ...attributes }, form), to)
  }
  const alice = await server.session('alice', 'a')
  /** Begins `travel`; gives what continues it. */
  const begin = async (from = alice): Promise<{ node: string; sessionid: string }> => {
    const [, sessionid = ''] = /sessionid="(.*?)"/.exec(await run(from, { node: 'travel' })) ?? []
    return { node: 'travel', sessionid }
  }
  return { server, clock, alice, admins, iq, run, begin }
}

const FIRST =
  '<actions execute="next"><next/><complete/></actions><x xmlns="jabber:x:data" type="form"><title>Where to?</title>' +
  '<field var="to" type="text-single" label="Town"><required/></field>' +
  '<field var="by" type="list-single" label="How"><required/><option label="By bus"><value>bus</value></option>' +
  '<option label="By train"><value>train</value></option></field></x></command>'
const SECOND =
  '<actions execute="complete"><prev/><complete/></actions><x xmlns="jabber:x:data" type="form"><title>From Rome</title>' +
  '<field var="back" type="boolean" label="And back"><value>1</value></field></x><note type="warn">only on weekdays</note></command>'
const ROME = { to: 'Rome', by: 'bus' }

/** An error with a condition of XEP-0050 §4.4. */
const refused = (condition: string) =>
  new RegExp(
    `<error type="modify"><bad-request xmlns="${NS.stanzaErrors}"/>.*<${condition} xmlns="${NS.commands}"/></error>`,
  )

// XEP-0050 §2.4.2, §3.4: "The action "execute" is equivalent to the action specified in the "execute" attribute."
t.test('a command of two forms', async t => {
  const { run, alice } = await setUp()
  const first = await run(alice, { node: 'travel' })
  const [, sessionid = ''] = /sessionid="(.*?)"/.exec(first) ?? []
  t.match(first, /^<command xmlns=".*" node="travel" sessionid=".{32}" status="executing" xml:lang="en">/)
  t.ok(first.endsWith(FIRST), first)
  const second = await run(alice, { node: 'travel', sessionid }, ROME)
  t.ok(second.endsWith(SECOND), second)
  const result = await run(alice, { node: 'travel', sessionid, action: 'complete' }, { back: 'true' })
  t.match(result, /status="completed"/)
  t.match(
    result,
    /<field var="to"><value>Rome<\/value><\/field>.*<note type="info">there and back<\/note><\/command>$/,
  )
})

// XEP-0050 §2.4.2: 'If the requester wishes to revert to the previous stage, it sends ... "action='prev'"'
t.test('back, and on with another answer; or to the end at once', async t => {
  const { run, alice, begin } = await setUp()
  const session = await begin()
  await run(alice, session, { to: 'Paris', by: 'train' })
  t.ok((await run(alice, { ...session, action: 'prev' })).endsWith(FIRST))
  t.ok((await run(alice, { ...session, action: 'next' }, ROME)).endsWith(SECOND))
  t.ok((await run(alice, { ...session, action: 'prev' })).endsWith(FIRST))
  t.match(await run(alice, { ...session, action: 'complete' }, ROME), /<note type="info">one way<\/note>/)
})

// XEP-0050 §4.4: bad-action: "The responding JID cannot accept the specified action."
t.test('actions that a form does not offer, and unknown ones', async t => {
  const { run, alice, begin } = await setUp()
  t.match(await run(alice, { node: 'travel', action: 'next' }), refused('bad-action'))
  t.match(await run(alice, { node: 'travel', action: 'cancel' }), refused('bad-action'))
  t.match(await run(alice, { node: 'travel', action: 'jump' }), refused('malformed-action'))
  const session = await begin()
  t.match(await run(alice, { ...session, action: 'prev' }), refused('bad-action'))
  t.match(await run(alice, { ...session, action: 'jump' }), refused('malformed-action'))
  await run(alice, session, ROME)
  t.match(await run(alice, { ...session, action: 'next' }), refused('bad-action'))
  t.match(await run(alice, session, {}), /status="completed"/, 'none of them ended it')
})

// XEP-0050 §4.4: bad-payload: "(e.g. the data form did not provide one or more required fields)"
t.test('a form that is filled in wrongly can be sent again', async t => {
  const { run, alice, begin } = await setUp()
  const session = await begin()
  for (const values of [
    undefined,
    {},
    { to: '', by: 'bus' },
    { to: 'Rome' },
    { to: 'Rome', by: 'toString' },
    { to: 'Atlantis', by: 'bus' },
  ])
    t.match(await run(alice, session, values), refused('bad-payload'), JSON.stringify(values))
  t.match(await run(alice, session, { to: 'x'.repeat(16_384), by: 'bus' }), refused('bad-payload'))
  t.ok((await run(alice, session, ROME)).endsWith(SECOND))
  t.match(await run(alice, session, { back: 'perhaps' }), refused('bad-payload'))
  t.match(await run(alice, session, { back: 'false' }), /one way/)
})

// XEP-0050 §3.5.1: "Responders SHOULD consider any <x type='cancel'/> to be <x type='submit'/>."
t.test('a form of type cancel counts', async t => {
  const { iq, alice, begin } = await setUp()
  const session = { ...(await begin()), xmlns: NS.commands }
  const value = (name: string, text: string) => xml('field', { var: name }, xml('value', {}, text))
  const form = xml('x', { xmlns: NS.forms, type: 'cancel' }, value('to', 'Rome'), value('by', 'bus'))
  t.ok((await iq(alice, 'set', xml('command', session, form))).endsWith(SECOND))
})

const EXPIRED = /<error type="cancel"><not-allowed .*<session-expired xmlns=".*commands"\/><\/error>/

// XEP-0050 §4.4: session-expired: "(either because it was completed, canceled, or timed out)"
t.test('a session that has ended', async t => {
  const { run, alice, begin, clock, server } = await setUp({ minutes: 2 })
  const completed = await begin()
  await run(alice, { ...completed, action: 'complete' }, ROME)
  t.match(await run(alice, completed, ROME), EXPIRED)
  const cancelled = await begin()
  t.match(
    await run(alice, { ...cancelled, action: 'cancel' }),
    /^<command [^>]* status="canceled" xml:lang="en"\/>$/,
  )
  t.match(await run(alice, cancelled, ROME), EXPIRED)
  const forgotten = await begin()
  clock.advance(119_000)
  await run(alice, forgotten, ROME)
  clock.advance(119_000)
  t.ok((await run(alice, { ...forgotten, action: 'prev' })).endsWith(FIRST), 'what is sent counts anew')
  clock.advance(120_000)
  t.match(await run(alice, forgotten, ROME), EXPIRED)
  const left = await begin()
  await alice.handle.unbind()
  const again = await server.session('alice', 'a')
  t.match(await run(again, left, ROME), EXPIRED, 'the resource has gone')
})

// XEP-0050 §3.3: "SHOULD be valid only between one requester/responder pair"
t.test('a session is of one full address and one command', async t => {
  const { run, alice, begin, server } = await setUp()
  const session = await begin()
  for (const [name, resource] of [
    ['alice', 'b'],
    ['bob', 'a'],
  ] as const)
    t.match(await run(await server.session(name, resource), session, ROME), refused('bad-sessionid'))
  const { sessionid } = session
  for (const id of ['', 'x', 'x'.repeat(32), `${sessionid}x`, sessionid.slice(0, -1)])
    t.match(await run(alice, { node: 'travel', sessionid: id }, ROME), refused('bad-sessionid'), id)
  t.match(await run(alice, { node: 'broken', sessionid }, ROME), refused('bad-sessionid'))
  t.ok((await run(alice, session, ROME)).endsWith(SECOND))
})

t.test('sessions of a user are bounded', async t => {
  const { run, alice, begin, server } = await setUp({ 'open-per-user': 2 })
  const [one] = [await begin(), await begin(await server.session('alice', 'b'))]
  t.match(await run(alice, { node: 'travel' }), /<error type="wait"><resource-constraint/)
  t.match(await run(await server.session('bob', 'a'), { node: 'travel' }), /status="executing"/)
  await run(alice, { ...one, action: 'cancel' })
  t.match(await run(alice, { node: 'travel' }), /status="executing"/)
})

t.test('steps that are sent at once are taken one after the other', async t => {
  const { alice, begin, server } = await setUp()
  const attributes = { ...(await begin()), xmlns: NS.commands }
  const value = (name: string, text: string) => xml('field', { var: name }, xml('value', {}, text))
  const form = xml('x', { xmlns: NS.forms, type: 'submit' }, value('to', 'Rome'), value('by', 'bus'))
  const before = alice.received.length
  await alice.send('iq', { type: 'set', id: '1', to: 'localhost' }, xml('command', attributes, form))
  await alice.send('iq', { type: 'set', id: '2', to: 'localhost' }, xml('command', attributes))
  await alice.send('iq', { type: 'set', id: '3', to: 'localhost' }, xml('command', attributes))
  await server.settled()
  const [second, result, late] = alice.received.slice(before)
  t.match(second, /id="1".*<title>From Rome<\/title>/)
  t.match(result, /id="2".*there and back/)
  t.match(late, EXPIRED)
})

// XEP-0050 §3.7: "If the responder cannot accomodate the requested language/locale, it SHOULD respond with a <bad-request/>"
t.test('a command speaks English', async t => {
  const { run, alice } = await setUp()
  t.match(await run(alice, { node: 'travel', 'xml:lang': 'fr-ca' }), refused('bad-locale'))
  for (const lang of ['en', 'EN-us'])
    t.match(await run(alice, { node: 'travel', 'xml:lang': lang }), /status="executing" xml:lang="en"/)
})

// XEP-0050 §4.4: forbidden and item-not-found are of type cancel.
t.test('who may run what', async t => {
  const { run, iq, alice, server } = await setUp()
  const carol = await server.session('carol', 'a')
  t.match(await run(alice, { node: 'restart' }), /<error type="cancel"><forbidden xmlns=".*"\/><\/error>$/)
  t.match(await run(carol, { node: 'restart' }), /status="executing"/)
  t.match(await run(alice, { node: 'nothing' }), /<error type="cancel"><item-not-found/)
  t.match(await run(alice, {}), /<error type="modify"><bad-request/)
  const items = (from: TestSession, node: string, to = 'localhost') =>
    iq(from, 'get', xml('query', { xmlns: NS.discoItems, node }), to)
  const item = (node: string, name: string, jid = 'localhost') =>
    `<item jid="${jid}" node="${node}" name="${name}"/>`
  const list = (...found: string[]) =>
    `<query xmlns="${NS.discoItems}" node="${NS.commands}">${found.join('')}</query>`
  const journey = item('travel', 'Plan a journey')
  t.equal(await items(alice, NS.commands), list(journey, item('broken', 'Breaks')))
  t.equal(await items(carol, NS.commands), list(journey, item('restart', 'Restart')))
  t.equal(
    await items(alice, NS.commands, 'alice@localhost'),
    list(item('whoami', 'Who am I?', 'alice@localhost')),
  )
  t.equal(await items(alice, 'travel'), `<query xmlns="${NS.discoItems}" node="travel"/>`)
  t.match(await items(alice, 'nothing'), /<item-not-found/)
})

t.test('whoever is no administrator any more cannot go on', async t => {
  const { run, admins, server } = await setUp()
  const carol = await server.session('carol', 'a')
  const [, sessionid = ''] = /sessionid="(.*?)"/.exec(await run(carol, { node: 'restart' })) ?? []
  admins.pop()
  t.match(await run(carol, { node: 'restart', sessionid }), /<forbidden/)
  admins.push('carol')
  t.match(await run(carol, { node: 'restart', sessionid }), /status="completed"/)
})

// XEP-0050 §2.2: "A responder MUST at least provide <identity category='automation' type='command-node'/>"
t.test('what a command is', async t => {
  const { iq, alice } = await setUp()
  const info = (node: string) => iq(alice, 'get', xml('query', { xmlns: NS.discoInfo, node }))
  t.equal(
    await info('travel'),
    `<query xmlns="${NS.discoInfo}" node="travel"><identity category="automation" type="command-node" name="Plan a journey"/>` +
      `<feature var="${NS.commands}"/><feature var="jabber:x:data"/></query>`,
  )
  t.match(await info(NS.commands), /<identity category="automation" type="command-list" name="Commands"\/>/)
  t.match(await info('restart'), /<error type="auth"><forbidden/)
  t.match(await info('nothing'), /<item-not-found/)
})

t.test('a command of an account is for its owner', async t => {
  const { run, alice, server } = await setUp()
  const answer = await run(alice, { node: 'whoami' }, undefined, 'alice@localhost')
  t.match(answer, /<note type="info">alice@localhost\/a of alice@localhost<\/note>/)
  const bob = await server.session('bob', 'a')
  t.match(await run(bob, { node: 'whoami' }, undefined, 'alice@localhost'), /<service-unavailable/)
  t.match(await run(alice, { node: 'whoami' }), /<item-not-found/)
})

t.test('a command that breaks ends its session', async t => {
  const { run, alice } = await setUp()
  const [, sessionid = ''] = /sessionid="(.*?)"/.exec(await run(alice, { node: 'broken' })) ?? []
  t.match(await run(alice, { node: 'broken', sessionid }), /<internal-server-error/)
  t.match(await run(alice, { node: 'broken', sessionid }), EXPIRED)
})

t.test('two commands of one node are a mistake', async t => {
  const twice = defineExtension({
    name: 'twice',
    doc: 'Adds a command twice',
    requires: [commands],
    setup(host) {
      for (const command of [travel, travel]) host.use(commands).add(command)
      return {}
    },
  })
  t.throws(() => core({ extensions: [disco, commands, twice] }), /two commands with the node travel/)
})

t.test('sessions of all users together are bounded: the oldest ends', async t => {
  const sessions = new CommandSessions(new ManualClock(), { perUser: 10, patience: 60_000 })
  t.teardown(() => sessions.stop())
  const askers = Array.from({ length: 2_001 }, (_, i) => JID.parse(`user${i}@localhost/a`))
  const begun = askers.slice(0, -1).map(asker => sessions.begin(travel, asker, asker.bare))
  const [first, second] = begun
  t.equal(sessions.find(first!.id, travel, first!.asker).id, first!.id, 'now it is not the oldest')
  sessions.begin(travel, askers.at(-1)!, askers.at(-1)!.bare)
  t.same([sessions.has(first!), sessions.has(second!), sessions.has(begun[2]!)], [true, false, true])
})
