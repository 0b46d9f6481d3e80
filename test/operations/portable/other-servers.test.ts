/** Files of other servers, and files that no server writes. The fixtures are what Prosody 0.12.3 (mod_storage_xep0227) and ejabberd 23.01 (export_piefxis) wrote. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Accounts } from '../../../src/auth/accounts.ts'
import { extensions } from '../../../src/extensions/index.ts'
import { importFrom } from '../../../src/operations/portable/import.ts'
import { memoryStorage } from '../../../src/storage/memory.ts'
import { JID } from '../../../src/xml/jid.ts'

const NOW = Date.UTC(2030, 0, 15, 12)
const clock = { now: () => NOW }
const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const HERE = import.meta.dirname

/** Imports a path into an empty storage. */
async function taken(path: string) {
  const storage = memoryStorage({ clock })
  const accounts = new Accounts(storage, { iterations: 4_096, clock })
  const portables = extensions.flatMap(({ portable = [] }) => portable)
  const notices: string[] = []
  const result = await importFrom(
    path,
    { storage, clock, accounts, hosts: ['example.org'], portables, running: false },
    { progress: async () => {}, notice: async text => void notices.push(text) },
  )
  return { storage, accounts, notices, ...result }
}

for (const server of ['prosody', 'ejabberd'])
  t.test(`users of ${server}`, async t => {
    const { storage, accounts, notices, moved } = await taken(join(HERE, server))
    t.equal(moved, 2)
    t.strictSame(notices, [])
    t.strictSame(Object.keys((await accounts.keysOf(alice)) ?? {}), ['SHA-1'])
    t.notOk(await accounts.verify(alice, 'wonderland-bob'))
    t.strictSame(Object.keys((await accounts.keysOf(alice)) ?? {}), ['SHA-1'])
    t.ok(await accounts.verify(alice, 'wonderland-alice'))
    t.strictSame(
      Object.keys((await accounts.keysOf(alice)) ?? {}).length,
      3,
      'from now on by every mechanism',
    )
    t.ok(await accounts.verify(alice, 'wonderland-alice'), 'and still by its password')
    t.match(await storage.table('roster', 'lww').get(alice, 'bob@example.org'), {
      name: 'Bob & Co',
      groups: ['Friends'],
      state: 'none+out',
      listed: true,
    })
    t.match(await storage.table('roster', 'lww').get(bob, 'alice@example.org'), {
      state: 'none+in',
      listed: false,
      request: /type="subscribe"/,
    })
    t.equal(
      await storage.table('vcard-temp', 'lww').get(alice, 'vcard'),
      '<vCard xmlns="vcard-temp"><FN>Alice</FN></vCard>',
    )
    const bookmarks = await storage.table('private-storage', 'lww').get(alice, 'storage storage:bookmarks')
    t.match(bookmarks, /<conference jid="room@chat.example.net"\/>/)
    const { items } = await storage.table('offline', 'lww').page(bob)
    if (server === 'prosody') t.strictSame(items, [], 'it keeps messages elsewhere')
    else
      t.match(items, [
        {
          item: {
            at: Date.parse('2026-11-23T02:38:23.757Z'),
            stanza: /<body>Are you there\?<\/body><\/message>$/,
          },
        },
      ])
  })

t.test('a single file, with what is not understood', async t => {
  t.testdir()
  const file = await written(
    t,
    'one.xml',
    whole(`<!-- a comment --><user name='alice' password='secret'>
    <pubsub xmlns='urn:other'><items node='n'/></pubsub>
    <query xmlns='jabber:iq:privacy'/><x xmlns='urn:x'><include xmlns='http://www.w3.org/2001/XInclude' href='never.xml'/></x>
    <query xmlns='jabber:iq:roster'><item jid='not@@good'/></query>
    <presence xmlns='jabber:client' type='subscribe' from='bob@example.org'><nick xmlns='urn:n'>B</nick></presence>
    <query xmlns='jabber:iq:roster'><item jid='bob@example.org' subscription='to'/></query>
    </user><user name='alice'/><user name='b@d'/><user name='bob'/>`),
  )
  const { accounts, storage, notices, moved, skipped } = await taken(file)
  t.strictSame([moved, skipped], [2, 1])
  t.ok(await accounts.verify(alice, 'secret'))
  t.match(await storage.table('roster', 'lww').get(alice, 'bob@example.org'), {
    state: 'to+in',
    listed: true,
    request: /nick/,
  })
  t.strictSame(notices, [
    'alice@example.org: <query xmlns="jabber:iq:roster"/> makes no sense and was left out',
    '"b@d" can be no user of example.org, and was left out',
    'bob@example.org has no password here: tidings user passwd bob@example.org',
    '<pubsub xmlns="urn:other"/> was left out (1)',
    '<query xmlns="jabber:iq:privacy"/> was left out (1)',
    '<x xmlns="urn:x"/> was left out (1)',
  ])
})

t.test('hostile files', async t => {
  t.testdir()
  const refused = async (name: string, text: string, code: string) => {
    const file = await written(t, name, text)
    await t.rejects(taken(file), { code }, name)
  }
  const entity = `<!DOCTYPE server-data [<!ENTITY e SYSTEM "file:///etc/passwd">]>${whole('')}`
  await refused('entities.xml', entity, 'TIDINGS_IMPORT_FILE')
  await refused(
    'unknown-entity.xml',
    whole("<user name='alice'><vCard xmlns='vcard-temp'>&e;</vCard></user>"),
    'TIDINGS_IMPORT_FILE',
  )
  await refused('cut.xml', whole("<user name='alice'>").slice(0, -20), 'TIDINGS_IMPORT_FILE')
  await refused('other.xml', '<html><body/></html>', 'TIDINGS_IMPORT_FILE')
  await refused('text.xml', whole("<user name='alice'>text</user>"), 'TIDINGS_IMPORT_FILE')
  await refused('deep.xml', whole(`<user name='alice'>${'<a>'.repeat(10_000)}`), 'TIDINGS_IMPORT_FILE')
  await refused(
    'huge.xml',
    whole(`<user name='alice'><a>${'x'.repeat(17 * 1024 * 1024)}</a></user>`),
    'TIDINGS_IMPORT_FILE',
  )
  await refused('tag.xml', whole(`<user name='${'x'.repeat(17 * 1024 * 1024)}`), 'TIDINGS_IMPORT_FILE')
  for (const [name, href] of Object.entries({
    up: '../secret.xml',
    hidden: 'a/%2e%2e/%2E%2E/secret.xml',
    slash: '..%2fsecret.xml',
    root: '/etc/passwd',
    file: 'file:///etc/passwd',
    web: 'http://localhost/x.xml',
    nul: 'a%00.xml',
    missing: 'none.xml',
    itself: 'itself.xml',
    link: 'link.xml',
  })) {
    const folder = join(t.testdirName, 'inside')
    await mkdir(folder, { recursive: true })
    await writeFile(
      join(t.testdirName, 'secret.xml'),
      "<user xmlns='urn:xmpp:pie:0' name='alice' password='x'/>",
    )
    if (name === 'link') await symlink('../secret.xml', join(folder, 'link.xml'))
    const include = `<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='${href}'/>`
    await refused(
      `inside/${name}${name === 'link' ? '-main' : ''}.xml`,
      whole(include),
      'TIDINGS_IMPORT_INCLUDE',
    )
  }
})

function whole(users: string): string {
  return `<?xml version='1.0'?><server-data xmlns='urn:xmpp:pie:0'><host jid='example.org'>${users}</host></server-data>`
}

async function written(t: Test, name: string, text: string): Promise<string> {
  const file = join(t.testdirName, name)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, text)
  return file
}
