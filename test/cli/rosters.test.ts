/** Contacts from the command line, with and without a server. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RosterRows } from '../../src/extensions/roster/index.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { JID } from '../../src/xml/jid.ts'
import { configured, serve, tidings } from '../support/tidings.ts'

const ACCOUNTS = 20
const user = (i: number) => `user${(i + ACCOUNTS) % ACCOUNTS}@localhost`
const RING = Array.from({ length: ACCOUNTS }, (_, i) => [
  `${user(i)},${user(i + 1)},both`,
  `${user(i)},${user(i - 1)},both`,
]).flat()

async function accounts(t: Test) {
  const made = await configured(t)
  const file = join(made.folder, 'accounts.csv')
  await writeFile(file, Array.from({ length: ACCOUNTS }, (_, i) => `${user(i)},x\n`).join(''))
  const { code } = await tidings(['user', 'import', file, '--shared-salt', '--config', made.config])
  t.equal(code, 0)
  return made
}

/** The stored roster of an account: contact, subscription. */
async function stored(data: string, account: string): Promise<string[]> {
  const storage = await openSqlite({ folder: data })
  try {
    const { contacts } = await new RosterRows(storage, Date).load(JID.parse(account))
    return [...contacts.values()].map(({ jid, state }) => `${jid} ${state}`)
  } finally {
    await storage.close()
  }
}

t.test('contacts without a server; bad lines are told of', async t => {
  const { config, data, folder } = await accounts(t)
  const file = join(folder, 'contacts.csv')
  const bad = ['nobody@localhost,user1@localhost,both', `${user(0)},${user(5)},all`, `${user(0)},a b@x,to`]
  const own = ['USER0@localhost,user0@localhost,both', 'user0@localhost']
  await writeFile(file, ['jid,contact,subscription', ...RING, ...bad, ...own].join('\r\n'))
  const { code, out, err } = await tidings(['roster', 'import', file, '--config', config])
  t.equal(code, 1)
  t.equal(out, '40 contacts added, 5 lines refused.\n')
  t.strictSame(err.trim().split('\n').sort(), [
    `${file}:42: there is no account nobody@localhost [TIDINGS_ACCOUNT_UNKNOWN]`,
    `${file}:43: "all" is no subscription: write none, to, from or both [TIDINGS_IMPORT_CONTACT]`,
    `${file}:44: "a b@x" is no address (localpart contains a character that is not allowed: U+0020) [TIDINGS_IMPORT_CONTACT]`,
    `${file}:45: user0@localhost is no contact of its own [TIDINGS_IMPORT_CONTACT]`,
    `${file}:46: expected jid,contact,subscription, found 1 fields`,
  ])
  t.same(await stored(data, user(0)), ['user19@localhost both', 'user1@localhost both'])

  // Nobody is there to tell the contacts of an account that is removed, so their rosters are mended.
  t.match(await tidings(['user', 'remove', user(1), '--config', config]), { code: 0 })
  t.same(await stored(data, user(0)), ['user19@localhost both', 'user1@localhost none'])
  t.same(await stored(data, user(1)), [])
})

t.test('contacts in a running server', async t => {
  const { config, data, folder } = await accounts(t)
  const file = join(folder, 'contacts.csv')
  await writeFile(file, RING.join('\n'))
  const server = await serve(t, config)
  t.match(await tidings(['roster', 'import', file, '--config', config]), {
    code: 0,
    out: '40 contacts added.\n',
  })
  server.child.kill()
  await server.ended
  t.same(await stored(data, user(0)), ['user19@localhost both', 'user1@localhost both'])
})
