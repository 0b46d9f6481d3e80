import t from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import { type ImportEntry, importAccounts } from '../../src/auth/import.ts'
import { systemClock } from '../../src/core/clock.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { type CasTable, type Storage, StorageError } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'

function setup(): Accounts {
  return new Accounts(memoryStorage({ clock: systemClock }), { iterations: 10 })
}

function user(number: number, password = 'pass'): ImportEntry {
  return { jid: JID.parse(`user${number}@localhost`), password }
}

async function saltOf(accounts: Accounts, number: number): Promise<string> {
  return (await accounts.credentials(user(number).jid, 'SHA-1')).salt.toString('hex')
}

t.test('many accounts are made, each with its own salt; what is refused is told and skipped', async t => {
  const accounts = setup()
  await accounts.create(user(3).jid, 'first')
  const refused: Record<string, string> = {}
  async function* entries(): AsyncGenerator<ImportEntry> {
    for (let i = 0; i < 50; i++) yield user(i)
    yield user(50, '')
    yield { jid: JID.parse('localhost'), password: 'pass' }
    yield { ...user(51), role: 'admin' }
  }
  let seen = 0
  const result = await importAccounts(accounts, entries(), {
    progress: (entry, error) => {
      seen++
      if (error !== undefined) refused[entry.jid.toString()] = error.code
    },
  })
  t.same(result, { created: 50, refused: 3 })
  t.equal(seen, 53)
  t.same(refused, {
    'user3@localhost': 'TIDINGS_ACCOUNT_EXISTS',
    'user50@localhost': 'TIDINGS_ACCOUNT_PASSWORD',
    localhost: 'TIDINGS_ACCOUNT_ADDRESS',
  })
  t.equal(await accounts.verify(user(3).jid, 'first'), true)
  t.equal(await accounts.verify(user(49).jid, 'pass'), true)
  t.match(await accounts.get(user(51).jid), { role: 'admin' })
  t.not(await saltOf(accounts, 0), await saltOf(accounts, 1))
})

t.test('a shared salt is the same for one import and another for the next', async t => {
  const accounts = setup()
  await importAccounts(accounts, [user(0), user(1), user(2, 'other')], { sharedSalt: true })
  await importAccounts(accounts, [user(3)], { sharedSalt: true })
  const salts = await Promise.all([0, 1, 2, 3].map(number => saltOf(accounts, number)))
  t.equal(new Set(salts.slice(0, 3)).size, 1)
  t.not(salts[3], salts[0])
  t.equal(await accounts.verify(user(1).jid, 'pass'), true)
  t.equal(await accounts.verify(user(2).jid, 'other'), true)
  t.equal(await accounts.verify(user(2).jid, 'pass'), false)
})

t.test('a storage that fails ends the import', async t => {
  const storage = memoryStorage({ clock: systemClock })
  const accounts = new Accounts(storage, { iterations: 10 })
  let taken = 0
  function* entries(): Generator<ImportEntry> {
    for (; taken < 100_000; taken++) {
      if (taken === 40) void storage.close()
      yield user(taken)
    }
  }
  await t.rejects(importAccounts(accounts, entries()), { code: 'closed' })
  t.ok(taken < 200, `${taken} entries were taken`)
})

t.test('of two entries for one account the first one makes it, however long its keys take', async t => {
  class SlowAccounts extends Accounts {
    override async deriveKeys(password: string, salt?: Buffer) {
      if (password === 'slow') for (let i = 0; i < 50; i++) await new Promise(setImmediate)
      return super.deriveKeys(password, salt)
    }
  }
  const accounts = new SlowAccounts(memoryStorage({ clock: systemClock }), { iterations: 10 })
  const refused: string[] = []
  await importAccounts(accounts, [user(7, 'slow'), user(8), user(7, 'again')], {
    progress: ({ password }, error) => void (error && refused.push(password)),
  })
  t.same(refused, ['again'])
  t.equal(await accounts.verify(user(7).jid, 'slow'), true)
})

t.test('a storage that does not answer in time is asked again', async t => {
  const storage = memoryStorage({ clock: systemClock })
  const troubles = ['before', 'after']
  const tableOf = storage.table.bind(storage) as (name: string, kind: 'cas') => CasTable<unknown>
  const unreliable = Object.assign(storage, {
    table(name: string, kind: 'cas') {
      const table = tableOf(name, kind)
      const update = table.update.bind(table)
      return Object.assign(table, {
        update: async (...change: Parameters<typeof update>) => {
          const trouble = name === 'accounts' ? troubles.shift() : undefined
          const done = trouble === 'before' ? undefined : await update(...change)
          if (trouble !== undefined) throw new StorageError('unavailable', 'of a test')
          return done
        },
      })
    },
  })
  const accounts = new Accounts(unreliable as Storage, { iterations: 10 })
  const waits: number[] = []
  const clock = {
    after: (ms: number, task: () => void) => {
      waits.push(ms)
      setImmediate(task)
      return { cancel() {} }
    },
  }
  t.same(await importAccounts(accounts, [user(1)], { clock }), { created: 1, refused: 0 })
  t.same(waits, [250, 500])
  t.equal(await accounts.verify(user(1).jid, 'pass'), true)
  t.same(await importAccounts(accounts, [user(1)], { clock }), { created: 0, refused: 1 })
  troubles.push(...Array(10).fill('before'))
  await t.rejects(importAccounts(accounts, [user(2)], { clock }), { code: 'unavailable' })
})
