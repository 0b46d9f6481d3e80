/** Accounts from the command line, before a server ever ran. */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { configured, tidings } from '../support/tidings.ts'

t.test('made, listed, changed, removed', async t => {
  const { config, data } = await configured(t)
  const user = (...args: string[]) =>
    tidings(['user', ...args, '--config', config], { input: 'wonderland\n' })

  t.strictSame(await user('add', 'Alice@localhost', '--password', 'secret'), {
    code: 0,
    out: 'Alice@localhost can sign in now.\n',
    err: '',
  })
  t.equal((await stat(data)).mode & 0o777, 0o700, 'the folder is nobody else’s')
  t.match(await user('add', 'root@localhost', '--role', 'admin'), { code: 0 }, 'a password on standard input')
  t.strictSame(await user('list'), { code: 0, out: 'alice@localhost\nroot@localhost\tadmin\n', err: '' })

  t.strictSame(await user('add', 'alice@localhost', '--password', 'x'), {
    code: 1,
    out: '',
    err: 'tidings: The account alice@localhost exists already. [TIDINGS_ACCOUNT_EXISTS]\n',
  })
  t.match(await user('add', 'alice', '--password', 'x'), {
    code: 1,
    err: 'tidings: "alice" is no account address: write name@host [TIDINGS_ACCOUNT_ADDRESS]\n',
  })
  t.match(await user('add', '@localhost', '--password', 'x'), {
    code: 1,
    err: 'tidings: "@localhost" is no account address (localpart is empty): write name@host [TIDINGS_ACCOUNT_ADDRESS]\n',
  })
  t.match(await user('add', 'a@other.example', '--password', 'x'), {
    code: 1,
    err: 'tidings: other.example is not served here, only localhost: add it to "hosts" in the configuration first [TIDINGS_ACCOUNT_HOST]\n',
  })
  t.match(await user('add', 'bob@localhost', '--password', ''), {
    code: 1,
    err: /\[TIDINGS_ACCOUNT_PASSWORD\]\n$/,
  })

  t.match(await user('passwd', 'alice@localhost'), { code: 0, out: 'alice@localhost has a new password.\n' })
  t.match(await user('passwd', 'nobody@localhost'), { code: 1, err: /\[TIDINGS_ACCOUNT_UNKNOWN\]\n$/ })

  t.match(await user('remove', 'alice@localhost'), { code: 0, out: 'alice@localhost is removed.\n' })
  t.match(await user('remove', 'alice@localhost'), {
    code: 1,
    err: 'tidings: there is no account alice@localhost [TIDINGS_ACCOUNT_UNKNOWN]\n',
  })
  t.match(await user('list'), { out: 'root@localhost\tadmin\n' })
})

t.test('no password at all', async t => {
  const { config } = await configured(t)
  t.match(await tidings(['user', 'add', 'a@localhost', '--config', config]), {
    code: 1,
    err: 'tidings: no password was given: write --password, or a line on standard input [TIDINGS_PASSWORD_MISSING]\n',
  })
})

t.test('the storage is held, but no server answers', async t => {
  const { config, data } = await configured(t)
  const storage = await openSqlite({ folder: data })
  t.teardown(() => storage.close())
  t.strictSame(await tidings(['user', 'list', '--config', config]), {
    code: 1,
    out: '',
    err: `tidings: the data in ${data} are in use by process ${process.pid}, but no server answers at ${data}/control.sock: wait if it is starting or stopping, else end that process [TIDINGS_LOCKED]\n`,
  })
})

t.test('accounts in memory live only while the server runs', async t => {
  const { config } = await configured(t, { storage: { kind: 'memory' } })
  t.match(await tidings(['user', 'list', '--config', config]), {
    code: 1,
    err: /^tidings: no server answers at .*control\.sock, and with storage\.kind "memory" .* \[TIDINGS_NOT_RUNNING\]\n$/,
  })
})

t.test('a configuration with mistakes', async t => {
  const { config } = await configured(t, { hots: [] })
  t.match(await tidings(['user', 'list', '--config', config]), {
    code: 1,
    err: /^tidings: 1 problem in the configuration:\n.*: hots: there is no such key; did you mean "hosts"\? \[TIDINGS_CONFIG_UNKNOWN_KEY\] \[TIDINGS_CONFIG_INVALID\]\n$/,
  })
})

t.test('import', async t => {
  const { config, folder } = await configured(t)
  const file = join(folder, 'accounts.csv')
  const good = Array.from({ length: 300 }, (_, i) => `user${i}@localhost,"pass,word ""${i}"""`)
  good.splice(
    150,
    0,
    'broken',
    'eve@other.example,x',
    'user0@localhost,x',
    '"mallory@localhost,x',
    'a b@localhost,x',
    'z@localhost,',
  )
  await writeFile(file, ['JID,Password', ...good, ''].join('\r\n'))
  const { code, out, err } = await tidings(['user', 'import', file, '--config', config])
  t.equal(code, 1)
  t.equal(out, '300 accounts made, 6 lines refused.\n')
  t.strictSame(err.trim().split('\n').sort(), [
    `${file}:152: expected jid,password, found 1 fields`,
    `${file}:153: other.example is not served here, only localhost: add it to "hosts" in the configuration first [TIDINGS_ACCOUNT_HOST]`,
    `${file}:154: The account user0@localhost exists already. [TIDINGS_ACCOUNT_EXISTS]`,
    `${file}:155: a quote is not closed, or stands inside a field that is not quoted`,
    `${file}:156: "a b@localhost" is no account address (localpart contains a character that is not allowed: U+0020): write name@host [TIDINGS_ACCOUNT_ADDRESS]`,
    `${file}:157: The password is empty or has characters that are not allowed. [TIDINGS_ACCOUNT_PASSWORD]`,
  ])
  const list = await tidings(['user', 'list', '--config', config])
  t.equal(list.out.trim().split('\n').length, 300)

  t.match(await tidings(['user', 'import', join(folder, 'none.csv'), '--config', config]), {
    code: 1,
    err: /none\.csv cannot be read \(ENOENT\) \[TIDINGS_IMPORT_FILE\]\n$/,
  })
})
