/** XEP-0060 §4.1: the table of affiliations and privileges, at the service and at an account, for each access model. */
import t from 'tap'
import blocking from '../../src/extensions/blocking/index.ts'
import capabilities from '../../src/extensions/capabilities/index.ts'
import disco from '../../src/extensions/disco.ts'
import presence from '../../src/extensions/presence/index.ts'
import pubsub from '../../src/extensions/pubsub/index.ts'
import roster from '../../src/extensions/roster/index.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { core, type TestSession } from '../support/core.ts'

const ACTIONS = ['subscribe', 'items', 'publish', 'retract', 'purge', 'configure', 'delete'] as const
type Action = (typeof ACTIONS)[number]

/** Who may do what: a letter for each action, a point where he may not. */
const TABLE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  open: {
    owner: 'siprucd',
    publisher: 'sipr...',
    'publish-only': '..p....',
    member: 'si.....',
    none: 'si.....',
    outcast: '.......',
  },
  whitelist: {
    owner: 'siprucd',
    publisher: 'sipr...',
    'publish-only': '..p....',
    member: 'si.....',
    none: '.......',
    outcast: '.......',
  },
  // Who only asks to be subscribed is answered that he waits.
  authorize: {
    owner: 'siprucd',
    publisher: 'sipr...',
    'publish-only': '..p....',
    member: 'si.....',
    none: 's......',
    outcast: '.......',
  },
}
const LETTERS: Readonly<Record<Action, string>> = {
  subscribe: 's',
  items: 'i',
  publish: 'p',
  retract: 'r',
  purge: 'u',
  configure: 'c',
  delete: 'd',
}

function form(kind: string, fields: Readonly<Record<string, string>>): Element {
  const type = xml('field', { var: 'FORM_TYPE', type: 'hidden' }, xml('value', {}, `${NS.pubsub}#${kind}`))
  const given = Object.entries(fields).map(([name, value]) =>
    xml('field', { var: `pubsub#${name}` }, xml('value', {}, value)),
  )
  return xml('x', { xmlns: NS.forms, type: 'submit' }, type, given)
}

const item = (id: string): Element => xml('item', { id }, xml('x', { xmlns: 'urn:x' }))

function requestOf(action: Action, node: string, jid: string): [type: string, payload: Element] {
  const common = (child: Element): Element => xml('pubsub', { xmlns: NS.pubsub }, child)
  const owner = (child: Element): Element => xml('pubsub', { xmlns: NS.pubsubOwner }, child)
  switch (action) {
    case 'subscribe':
      return ['set', common(xml('subscribe', { node, jid }))]
    case 'items':
      return ['get', common(xml('items', { node }))]
    case 'publish':
      return ['set', common(xml('publish', { node }, item('own')))]
    // What somebody else has published.
    case 'retract':
      return ['set', common(xml('retract', { node }, xml('item', { id: 'first' })))]
    case 'purge':
      return ['set', owner(xml('purge', { node }))]
    case 'configure':
      return ['set', owner(xml('configure', { node }, form('node_config', { title: 'Mine' })))]
    case 'delete':
      return ['set', owner(xml('delete', { node }))]
  }
}

for (const to of ['pubsub.localhost', 'alice@localhost'])
  for (const [model, rows] of Object.entries(TABLE))
    t.test(`${to}, access model ${model}`, async t => {
      const { session, settled } = core({
        extensions: [disco, blocking, roster, presence, capabilities, pubsub],
      })
      const [alice, bob] = [await session('alice', '1'), await session('bob', '1')]
      let id = 0
      const ask = async (who: TestSession, type: string, payload: Element): Promise<string> => {
        await who.send('iq', { type, id: `q${++id}`, to }, payload)
        await settled()
        return who.received.splice(0).find(text => text.includes(`id="q${id}"`)) ?? ''
      }
      for (const [affiliation, letters] of Object.entries(rows))
        for (const action of ACTIONS) {
          const node = `${affiliation}-${action}`
          const create = xml('pubsub', { xmlns: NS.pubsub }, xml('create', { node }))
          create.cnode(xml('configure', {}, form('node_config', { access_model: model })))
          t.match(await ask(alice, 'set', create), 'type="result"')
          t.match(
            await ask(
              alice,
              'set',
              xml('pubsub', { xmlns: NS.pubsub }, xml('publish', { node }, item('first'))),
            ),
            'type="result"',
          )
          const entry = xml('affiliation', { jid: 'bob@localhost', affiliation })
          const affiliations = xml('affiliations', { node }, entry)
          t.match(
            await ask(alice, 'set', xml('pubsub', { xmlns: NS.pubsubOwner }, affiliations)),
            'type="result"',
          )
          const answer = await ask(bob, ...requestOf(action, node, 'bob@localhost'))
          const may = letters.includes(LETTERS[action])
          t.match(answer, may ? 'type="result"' : /<(forbidden|not-allowed|not-authorized) /, node)
          t.equal(answer.includes('type="error"'), !may, node)
        }
    })

t.test('XEP-0060 §4.5: whoever publishes only takes back what is his own', async t => {
  const { session, settled } = core({ extensions: [disco, blocking, roster, presence, capabilities, pubsub] })
  const [alice, bob] = [await session('alice', '1'), await session('bob', '1')]
  const to = 'pubsub.localhost'
  const ask = async (who: TestSession, payload: Element): Promise<string> => {
    await who.send('iq', { type: 'set', id: 'q', to }, payload)
    await settled()
    return who.received.splice(0).find(text => text.startsWith('<iq')) ?? ''
  }
  const create = xml('pubsub', { xmlns: NS.pubsub }, xml('create', { node: 'n' }))
  create.cnode(xml('configure', {}, form('node_config', { publish_model: 'subscribers' })))
  t.match(await ask(alice, create), 'type="result"')
  const publish = (id: string): Element =>
    xml('pubsub', { xmlns: NS.pubsub }, xml('publish', { node: 'n' }, item(id)))
  t.match(await ask(alice, publish('hers')), 'type="result"')
  t.match(await ask(bob, publish('his')), '<forbidden ')
  t.match(await ask(bob, requestOf('subscribe', 'n', 'bob@localhost')[1]), 'type="result"')
  t.match(await ask(bob, publish('his')), 'type="result"')
  const retract = (id: string): Element =>
    xml('pubsub', { xmlns: NS.pubsub }, xml('retract', { node: 'n' }, xml('item', { id })))
  t.match(await ask(bob, retract('hers')), '<forbidden ')
  t.match(await ask(bob, retract('his')), 'type="result"')
  t.match(await ask(alice, retract('hers')), 'type="result"')
})
