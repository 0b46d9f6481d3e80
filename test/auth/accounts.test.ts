import t from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import { importAccounts } from '../../src/auth/import.ts'
import type { ScramHash } from '../../src/auth/scram.ts'
import { systemClock } from '../../src/core/clock.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import type { CasTable, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'

const ALICE = JID.parse('alice@localhost')
const BOB = JID.parse('bob@localhost')
const CLOCK = { now: () => 1_700_000_000_000 }

/** Accounts with cheap keys, and the storage under them. */
function setup(): { storage: Storage; accounts: Accounts } {
  const storage = memoryStorage({ clock: systemClock })
  return { storage, accounts: new Accounts(storage, { iterations: 10, clock: CLOCK }) }
}

t.test('an account is made once, found, and removed', async t => {
  const { accounts } = setup()
  t.equal(await accounts.exists(ALICE), false)
  await accounts.create(ALICE, 'secret', { role: 'admin' })
  t.same(await accounts.get(ALICE), { jid: ALICE, role: 'admin', created: CLOCK.now(), disabled: false })
  t.equal(await accounts.exists(ALICE.withResource('phone')), true)
  await t.rejects(accounts.create(ALICE, 'other'), { code: 'TIDINGS_ACCOUNT_EXISTS' })
  t.equal(await accounts.verify(ALICE, 'secret'), true, 'the refused one changed nothing')
  t.equal(await accounts.remove(ALICE), true)
  t.equal(await accounts.remove(ALICE), false)
  t.equal(await accounts.get(ALICE), undefined)
  t.equal(await accounts.verify(ALICE, 'secret'), false)
})

t.test('a disabled account is open to nobody, and says so to those alone who have the password', async t => {
  const { accounts } = setup()
  await accounts.create(ALICE, 'secret')
  await accounts.setDisabled(ALICE, true)
  t.match(await accounts.get(ALICE), { disabled: true })
  await t.rejects(accounts.verify(ALICE, 'secret'), { code: 'TIDINGS_ACCOUNT_DISABLED' })
  t.equal(await accounts.verify(ALICE, 'other'), false)
  await accounts.setPassword(ALICE, 'new')
  await t.rejects(
    accounts.verify(ALICE, 'new'),
    { code: 'TIDINGS_ACCOUNT_DISABLED' },
    'another password opens it not',
  )
  await accounts.setDisabled(ALICE, false)
  t.equal(await accounts.verify(ALICE, 'new'), true)
  await t.rejects(accounts.setDisabled(BOB, true), {
    code: 'TIDINGS_ACCOUNT_UNKNOWN',
  })
})

t.test('of two who make the same account at once, one succeeds', async t => {
  const { accounts } = setup()
  const results = await Promise.allSettled(['one', 'two', 'three'].map(word => accounts.create(ALICE, word)))
  t.same(results.map(result => result.status).sort(), ['fulfilled', 'rejected', 'rejected'])
  const winner = ['one', 'two', 'three'][results.findIndex(result => result.status === 'fulfilled')]!
  t.equal(await accounts.verify(ALICE, winner), true)
})

t.test('an address without a local part, or with a resource, is no account', async t => {
  const { accounts } = setup()
  for (const address of ['localhost', 'alice@localhost/phone'])
    await t.rejects(accounts.create(JID.parse(address), 'secret'), { code: 'TIDINGS_ACCOUNT_ADDRESS' })
})

// RFC 8265 §4.1: An entity that performs preparation MUST ensure that the string is not empty; §4.2: OpaqueString.
t.test('passwords are prepared as opaque strings', async t => {
  const { accounts } = setup()
  for (const password of ['', 'tab\there', '\u0000'])
    await t.rejects(
      accounts.create(ALICE, password),
      { code: 'TIDINGS_ACCOUNT_PASSWORD' },
      JSON.stringify(password),
    )
  await accounts.create(ALICE, 'e\u0301\u00a0Mixed')
  t.equal(await accounts.verify(ALICE, '\u00e9 Mixed'), true, 'normal form C, spaces of other kinds')
  t.equal(await accounts.verify(ALICE, '\u00e9 mixed'), false, 'case counts')
  t.equal(await accounts.verify(ALICE, 'tab\there'), false)
})

t.test('a new password or role counts at once, also for another node', async t => {
  const { storage, accounts } = setup()
  const otherNode = new Accounts(storage, { iterations: 10 })
  await accounts.create(ALICE, 'old')
  const before = await otherNode.credentials(ALICE, 'SHA-256')
  t.equal(await otherNode.holds(ALICE, 'SHA-256', before), true)
  await accounts.setPassword(ALICE, 'new')
  t.equal(await otherNode.holds(ALICE, 'SHA-256', before), false)
  t.equal(await otherNode.verify(ALICE, 'old'), false)
  t.equal(await otherNode.verify(ALICE, 'new'), true)
  await accounts.setRole(ALICE, 'admin')
  t.match(await otherNode.get(ALICE), { role: 'admin', created: CLOCK.now() })
  t.equal(await otherNode.verify(ALICE, 'new'), true)
  await t.rejects(accounts.setPassword(BOB, 'word'), { code: 'TIDINGS_ACCOUNT_UNKNOWN' })
  await t.rejects(accounts.setRole(BOB, 'admin'), { code: 'TIDINGS_ACCOUNT_UNKNOWN' })
  t.equal(await accounts.exists(BOB), false)
})

t.test('what is stored holds neither the password nor what signs in by it', async t => {
  const { storage, accounts } = setup()
  await accounts.create(ALICE, 'correct horse')
  const row = (await storage.table<object>('accounts', 'cas').get(ALICE, 'account'))!
  t.same(Object.keys(row), ['role', 'created', 'keys'])
  t.notMatch(JSON.stringify(row), /horse/)
  const salts = new Set<string>()
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-512'] satisfies ScramHash[]) {
    const keys = await accounts.credentials(ALICE, hash)
    t.equal(keys.salt.length, 16)
    t.equal(keys.iterations, 10)
    t.notOk(keys.storedKey.equals(keys.serverKey))
    salts.add(keys.salt.toString('hex'))
  }
  t.equal(salts.size, 3)
})

t.test('unknown accounts get made-up keys: the same each time, on each node, after a restart', async t => {
  const { storage, accounts } = setup()
  await accounts.create(ALICE, 'secret')
  const real = await accounts.credentials(ALICE, 'SHA-512')
  const made = await accounts.credentials(BOB, 'SHA-512')
  t.same(await accounts.credentials(BOB, 'SHA-512'), made)
  t.same(await new Accounts(storage, { iterations: 10 }).credentials(BOB, 'SHA-512'), made)
  for (const key of ['salt', 'storedKey', 'serverKey'] as const)
    t.equal(made[key].length, real[key].length, key)
  t.equal(made.iterations, real.iterations)
  const others = [
    await accounts.credentials(BOB, 'SHA-256'),
    await accounts.credentials(JID.parse('carol@localhost'), 'SHA-512'),
    await accounts.credentials(JID.parse('bob@other.example'), 'SHA-512'),
    await setup().accounts.credentials(BOB, 'SHA-512'),
  ]
  for (const other of others) t.notOk(other.salt.equals(made.salt))
  t.equal(await accounts.holds(BOB, 'SHA-512', made), false)
})

t.test('the secret behind made-up keys is asked for again when the storage failed', async t => {
  const storage = memoryStorage({ clock: systemClock })
  const secrets = storage.table<string>('auth-secrets', 'cas')
  let broken = true
  const flaky: CasTable<string> = {
    ...secrets,
    update: (...parameters) => (broken ? Promise.reject(new Error('disk')) : secrets.update(...parameters)),
  }
  const table = (name: string, kind: 'cas') => (name === 'auth-secrets' ? flaky : storage.table(name, kind))
  const accounts = new Accounts({ ...storage, table } as Storage, { iterations: 10 })
  await t.rejects(accounts.credentials(ALICE, 'SHA-1'), { message: 'disk' })
  broken = false
  t.equal((await accounts.credentials(ALICE, 'SHA-1')).iterations, 10)
})

t.test('accounts are listed by host, page by page', async t => {
  const { accounts } = setup()
  const names = Array.from({ length: 25 }, (_, i) => `user${String(i).padStart(2, '0')}`)
  const entries = names.flatMap(name =>
    ['localhost', 'other.example'].map(host => ({ jid: JID.of(name, host), password: 'x' })),
  )
  await importAccounts(accounts, entries, { sharedSalt: true })
  const found: string[] = []
  let after: JID | undefined
  for (;;) {
    const page = await accounts.list('localhost', after, 10)
    if (page.length === 0) break
    t.ok(page.length <= 10)
    found.push(...page.map(account => account.jid.toString()))
    after = page.at(-1)!.jid
  }
  t.same(
    found,
    names.map(name => `${name}@localhost`),
  )
  t.equal((await accounts.list('other.example')).length, 25)
  t.same(await accounts.list('nobody.example'), [])
})
