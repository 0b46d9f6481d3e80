/** XEP-0401 §5: what the commands give, where it depends on the configuration. The rest is in the dialogues 0401. */
import t from 'tap'
import commands from '../../src/extensions/commands/index.ts'
import disco from '../../src/extensions/disco.ts'
import invitations, { Invitations } from '../../src/extensions/invitations/index.ts'
import registration from '../../src/extensions/registration/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { core } from '../support/core.ts'

const DAY = 86_400_000

async function setUp(options: Record<string, unknown> = {}) {
  const clock = new ManualClock()
  const extensions = [disco, commands, registration, invitations]
  const server = core({ extensions, clock, options: { invitations: options } })
  const book = new Invitations(server.storage, clock, JID.parse('localhost'))
  const alice = await server.session('alice', 'phone')
  const send = (id = '1') => {
    const command = xml('command', { xmlns: NS.commands, node: `${NS.invite}#invite` })
    return alice.send('iq', { type: 'set', id, to: 'localhost' }, command)
  }
  const invite = async (): Promise<string> => {
    await send()
    await server.settled()
    return alice.received.at(-1) ?? ''
  }
  return { server, clock, book, alice, send, invite }
}

// XEP-0401 §5.1: "the HTTPS URL for a server-hosted landing page"
t.test('the landing page is told where it is safe', async t => {
  const at = async (web: string) => (await setUp({ 'web-address': web })).invite()
  t.match(await at('https://chat.example'), /<value>https:\/\/chat\.example\/invite\/\w{24}<\/value>/)
  t.match(await at('http://localhost:5280'), /<value>http:\/\/localhost:5280\/invite\/\w{24}<\/value>/)
  for (const web of ['http://chat.example', '']) {
    const answer = await at(web)
    t.match(answer, /<field var="uri" .*<field var="expire" /)
    t.notMatch(answer, 'landing-url')
  }
})

t.test('invitations asked for at once are counted one after the other', async t => {
  const { server, alice, send, book } = await setUp({ 'open-per-user': 2 })
  await Promise.all(['1', '2', '3', '4'].map(send))
  await server.settled()
  t.same(
    alice.received.map(answer => /<resource-constraint|status="completed"/.exec(answer)?.[0]),
    ['status="completed"', 'status="completed"', '<resource-constraint', '<resource-constraint'],
  )
  t.equal((await book.list()).length, 2)
})

t.test('one that is revoked makes room; who leaves invites nobody', async t => {
  const { server, invite, book } = await setUp({ 'open-per-user': 1 })
  t.match(await invite(), /status="completed"/)
  const [{ id = '', by, inviter } = {}] = await book.list()
  t.same([by, inviter], ['alice@localhost', 'alice@localhost'])
  t.equal(await book.revoke(id), true)
  t.match(await invite(), /status="completed"/)
  await server.routers[0]!.atHome.forget(JID.parse('alice@localhost'))
  t.same(await book.list(), [])
})

t.test('what has expired is swept away a day later', async t => {
  const { clock, invite, book } = await setUp({ days: 1 })
  const left = async () => (await book.list()).length
  await invite()
  clock.advance(2 * DAY + 1)
  await invite()
  t.equal(await left(), 1)
  await book.create({ lifetime: 1, uses: 1 })
  clock.advance(DAY + 2)
  await invite()
  t.equal(await left(), 2)
})

t.test('without the extension of commands there are invitations all the same', async t => {
  t.doesNotThrow(() => core({ extensions: [registration, invitations] }))
})
