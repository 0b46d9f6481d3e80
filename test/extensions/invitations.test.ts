/** Invitations as they are kept. XEP-0401, XEP-0445; XEP-0379 §5 on tokens. */
import t from 'tap'
import { StanzaError } from '../../src/core/errors.ts'
import { Invitations, invitationLinks } from '../../src/extensions/invitations/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from '../support/clock.ts'

const HOUR = 3_600_000
const HOST = JID.parse('localhost')
const [alice, bob] = [JID.parse('alice@localhost'), JID.parse('bob@localhost')]
const nothing = async () => {}

function setUp() {
  const clock = new ManualClock()
  const storage = memoryStorage({ clock })
  return { clock, storage, invitations: new Invitations(storage, clock, HOST) }
}

const ONE = { lifetime: HOUR, uses: 1 }

t.test('a token cannot be guessed, nor found in what is stored', async t => {
  const { storage, invitations } = setUp()
  const made = await Promise.all(Array.from({ length: 50 }, () => invitations.create(ONE)))
  t.equal(new Set(made.map(({ token }) => token)).size, 50)
  // XEP-0379 §5.1: at least 80 bits; 24 characters of 62 are 142.
  for (const { token } of made) t.match(token, /^[A-Za-z0-9]{24}$/)
  const { items } = await storage.table('invitations', 'cas').page(HOST, {}, 1_000)
  t.equal(items.length, 50)
  const stored = JSON.stringify(items)
  t.notOk(made.some(({ token }) => stored.includes(token)))
})

t.test('an id is a word for a command line: it does not begin with a dash', async t => {
  const { invitations } = setUp()
  // One digest in 64 begins with one.
  await Promise.all(Array.from({ length: 1_000 }, () => invitations.create(ONE)))
  const ids = (await invitations.list()).map(({ id }) => id)
  t.equal(ids.length, 1_000)
  t.strictSame(
    ids.filter(id => id.startsWith('-')),
    [],
  )
})

t.test('of many who come at once with one use, one gets in', async t => {
  const { invitations } = setUp()
  const { token } = await invitations.create(ONE)
  const { key } = (await invitations.find(token))!
  let made = 0
  const create = async (): Promise<void> => {
    await new Promise(setImmediate)
    made++
  }
  const tries = Array.from({ length: 20 }, (_, i) =>
    invitations.redeem(key, JID.parse(`user${i}@localhost`), create),
  )
  const results = await Promise.allSettled(tries)
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal(made, 1)
  t.equal(await invitations.find(token), undefined)
})

t.test('a use is given back when the account cannot be made, unless it was revoked meanwhile', async t => {
  const { invitations } = setUp()
  const { token } = await invitations.create(ONE)
  const { key } = (await invitations.find(token))!
  const fail = async (): Promise<void> => {
    t.equal(await invitations.find(token), undefined, 'nobody else can use it now')
    throw new StanzaError('conflict')
  }
  await t.rejects(invitations.redeem(key, alice, fail), { message: 'conflict' })
  t.match(await invitations.find(token), { invitation: { uses: 1, accounts: [] } })

  const revoking = async (): Promise<void> => {
    t.equal(await invitations.revoke(key.slice(0, 8)), true)
    throw new StanzaError('conflict')
  }
  await t.rejects(invitations.redeem(key, alice, revoking), { message: 'conflict' })
  t.equal(await invitations.find(token), undefined)
})

t.test('one for a name keeps it, and is for nobody else', async t => {
  const { clock, invitations } = setUp()
  const { token } = await invitations.create({ ...ONE, name: 'bob' })
  const { key } = (await invitations.find(token))!
  await t.rejects(invitations.create({ ...ONE, name: 'bob' }), { code: 'TIDINGS_INVITATION_NAME' })
  t.equal(await invitations.keptFor(bob), key)
  t.equal(await invitations.keptFor(alice), undefined)
  await t.rejects(invitations.redeem(key, alice, nothing), {
    message: /^not-acceptable: this invitation is for the name bob/,
  })
  await invitations.redeem(key, bob, nothing)
  t.equal(await invitations.keptFor(bob), undefined, 'an account keeps its name by itself')

  await invitations.create({ ...ONE, name: 'carol' })
  clock.advance(HOUR)
  await invitations.create({ ...ONE, name: 'carol' })
  t.pass('what has expired keeps nothing')
})

t.test('they expire, and are forgotten a day later', async t => {
  const { clock, invitations } = setUp()
  const { token } = await invitations.create(ONE)
  clock.advance(HOUR - 1)
  t.ok(await invitations.find(token))
  clock.advance(1)
  t.equal(await invitations.find(token), undefined)
  await invitations.create(ONE)
  t.equal((await invitations.list()).length, 2)
  clock.advance(24 * HOUR + 1)
  await invitations.create(ONE)
  t.equal((await invitations.list()).length, 2)
})

t.test('they are listed in the order they were made, and revoked by what the list says', async t => {
  const { clock, invitations } = setUp()
  for (const uses of [1, 2, 3]) {
    await invitations.create({ lifetime: HOUR, uses })
    clock.advance(1)
  }
  const list = await invitations.list()
  t.strictSame(
    list.map(({ uses }) => uses),
    [1, 2, 3],
  )
  t.equal(await invitations.revoke(list[1]!.id), true)
  t.strictSame(
    (await invitations.list()).map(({ uses }) => uses),
    [1, 3],
  )
  for (const id of ['', list[0]!.id.slice(0, 7), 'nothing-']) t.equal(await invitations.revoke(id), false)
})

t.test('who has left invites nobody', async t => {
  const { invitations } = setUp()
  const ofAlice = await invitations.create({ ...ONE, inviter: 'alice@localhost' })
  const ofBob = await invitations.create({ ...ONE, inviter: 'bob@localhost' })
  await invitations.revokeOf(alice)
  t.equal(await invitations.find(ofAlice.token), undefined)
  t.ok(await invitations.find(ofBob.token))
})

t.test('the first one is for ten accounts and a day, and the next start makes it anew', async t => {
  const { clock, invitations } = setUp()
  const first = await invitations.createFirst()
  t.match(first.invitation, { uses: 10, expires: clock.now() + 24 * HOUR })
  const next = await invitations.createFirst()
  t.equal(await invitations.find(first.token), undefined)
  t.ok(await invitations.find(next.token))
})

// XEP-0445 §2, XEP-0401 §5.1; RFC 5122 §2.2.
t.test('links', async t => {
  const uri = (name?: string, inviter?: string): string =>
    invitationLinks('localhost', { ...(name && { name }), ...(inviter && { inviter }) }, 'T', undefined).uri
  t.equal(uri(), 'xmpp:localhost?register;preauth=T')
  t.equal(uri('bob'), 'xmpp:bob@localhost?register;preauth=T')
  t.equal(uri('b?b'), 'xmpp:b%3Fb@localhost?register;preauth=T')
  t.equal(uri(undefined, 'alice@localhost'), 'xmpp:alice@localhost?roster;preauth=T;ibr=y')
  t.equal(uri('bob', 'alice@localhost'), 'xmpp:bob@localhost?register;preauth=T')
  const invited = { inviter: 'alice@localhost' }
  const only = (only: 'account' | 'contact') =>
    invitationLinks('localhost', { ...invited, only }, 'T', undefined)
  t.equal(only('account').uri, 'xmpp:localhost?register;preauth=T')
  t.equal(only('contact').uri, 'xmpp:alice@localhost?roster;preauth=T')
  t.equal(invitationLinks('localhost', {}, 'T', 'https://a.example').page, 'https://a.example/invite/T')
})
