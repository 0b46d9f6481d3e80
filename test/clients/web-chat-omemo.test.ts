/** XEP-0384 in the web chat: two people encrypt, the server keeps and forwards what it cannot read. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { configured, start, tidings } from '../support/tidings.ts'
import {
  befriend,
  launch,
  open,
  picture,
  read,
  signIn,
  type Window,
  withoutBrowser,
  write,
} from './browser.ts'

t.setTimeout(120_000)

const listener = { address: '127.0.0.1', port: 0 }
const ALICE = 'alice@localhost'
const BOB = 'bob@localhost'
const KEYS = 100
/** Where devices are published. */
const NODES = [
  `${NS.omemo}:devices`,
  `${NS.omemo}:bundles`,
  `${NS.omemoLegacy}.devicelist`,
  `${NS.omemoLegacy}.bundles`,
]

/** A window, and what its page has sent. */
interface Device extends Window {
  readonly sent: readonly string[]
}

async function scene(t: Test) {
  const listeners = { xmpp: listener, 'xmpp-tls': false, http: listener, metrics: false }
  const { config, data } = await configured(t, { listeners, log: { level: 'debug' } })
  for (const user of [ALICE, BOB])
    t.equal((await tidings(['user', 'add', user, '--password', 'secret', '--config', config])).code, 0)
  const server = start(['start', '--config', config])
  const browser = await launch()
  const stop = async () => {
    server.child.kill('SIGTERM')
    return server.ended
  }
  t.teardown(() => Promise.all([stop(), browser.close()]))
  const [, url = ''] = await server.saw(/(http:\/\/\S+:\d+\/)/)
  /** Signs in, in a profile of its own. */
  const device = async (user: string): Promise<Device> => {
    const window = await open(await browser.newContext(), url)
    const sent: string[] = []
    const answers = new Set<string>()
    const known = Promise.withResolvers<void>()
    window.page.on('websocket', socket => {
      socket.on('framesent', ({ payload }) => void sent.push(String(payload)))
      socket.on('framereceived', ({ payload }) => {
        const [, node = ''] = /^<iq [^>]*type="result".*?<publish node="([^"]+)"/.exec(String(payload)) ?? []
        answers.add(node.replace(/:\d+$/, ''))
        if (NODES.every(name => answers.has(name))) known.resolve()
      })
    })
    await window.page.goto(url)
    await signIn(window.page, user, 'secret')
    // Who opens a chat looks once whether the other one has keys: Converse does not look again, before something encrypted comes.
    await known.promise
    return { ...window, sent }
  }
  return { data, device, stop, url, context: () => browser.newContext() }
}

function chatWith({ page }: Window, contact: string): Promise<void> {
  return page.locator(`.open-chat[data-jid="${contact}"]`).first().click()
}

/** Closes the lock above the line that one writes in. It can be, as soon as keys of the other one are known. */
async function encrypt({ page }: Window): Promise<void> {
  await page.locator('.toggle-omemo[data-disabled=false]').click()
  await page.locator('.toggle-omemo .fa-lock').waitFor()
}

/** Waits until a message is shown, with the lock of those that came encrypted. */
async function readLocked(window: Window, text: string): Promise<void> {
  await read(window, text)
  await window.page.locator('.chat-msg', { hasText: text }).locator('.fa-lock').waitFor()
}

/** The publishes to such nodes, as they were sent. */
function published({ sent }: Device, node: string): string[] {
  return sent.flatMap(stanza => stanza.match(new RegExp(`<publish node="${node}[^]*?</publish>`, 'g')) ?? [])
}

/** Everything below a folder. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

t.test('two people encrypt, on three devices', { skip: withoutBrowser() }, async t => {
  const { data, device, stop, url } = await scene(t)
  const alice = await device('alice')
  const bob = await device('bob')
  await befriend([alice, bob], [ALICE, BOB])
  await chatWith(alice, BOB)
  await chatWith(bob, ALICE)
  const open = 'Everybody may read this zebra'
  await write(alice, open)
  await read(bob, open)

  await encrypt(alice)
  await encrypt(bob)
  const secrets = [
    'The walrus is at seven',
    'Grüße & <Küsse>, dear narwhal',
    'Bring the okapi',
    'An ocelot, too',
  ]
  await write(alice, secrets[0]!)
  await readLocked(bob, secrets[0]!)
  await write(bob, secrets[1]!)
  await readLocked(alice, secrets[1]!)
  await picture(alice, 'omemo-1-alice')

  await t.test('while he is away', async () => {
    await bob.page.goto('about:blank')
    await write(alice, secrets[2]!)
    await bob.page.goto(url)
    await chatWith(bob, ALICE)
    for (const text of secrets.slice(0, 3)) await read(bob, text)
    await picture(bob, 'omemo-2-bob')
  })

  await t.test('another device of his, of which her page is told', async () => {
    const other = await device('bob')
    await chatWith(other, ALICE)
    await other.page.locator('.toggle-omemo[data-disabled=false]').waitFor()
    await write(alice, secrets[3]!)
    for (const window of [bob, other]) await read(window, secrets[3]!)
    await picture(other, 'omemo-3-bob')
    t.strictSame(other.faults, [])
  })

  await t.test('what they published', async t => {
    for (const [node, key, prefix] of [
      [`${NS.omemo}:bundles`, /<pk /g, 'omemo2'],
      [`${NS.omemoLegacy}.bundles:`, /<preKeyPublic /g, 'axolotl'],
    ] as const)
      for (const [name, window] of Object.entries({ alice, bob })) {
        const bundle = published(window, node).at(-1) ?? ''
        t.equal(bundle.match(key)?.length, KEYS, `${prefix} of ${name}`)
        keep(`converse-${prefix}-${name}.xml`, bundle)
      }
  })

  await t.test('nothing that the server has says what they wrote', async t => {
    for (const { sent } of [alice, bob])
      for (const text of secrets) t.notOk(sent.some(stanza => stanza.includes(words(text))))
    const { out, err } = await stop()
    const files = filesIn(data)
    const kept = Buffer.concat(files.map(file => readFileSync(file)))
    t.ok(kept.includes(open), 'what was not encrypted is in the archive')
    t.ok(kept.includes('</encrypted>'), 'as is what was')
    for (const text of secrets) t.notOk(kept.includes(words(text)), 'but cannot be read')
    for (const text of [open, ...secrets])
      t.notOk((out + err).includes(words(text)), 'the log has no messages')
    t.match(err, '"level":"debug"')
    t.notMatch(err, 'TIDINGS_OMEMO_BUNDLE', 'their bundles can be used')
  })
  t.strictSame([...alice.faults, ...bob.faults], [])
})

/** Whatever the browser keeps for the page, as text. For the browser. */
const KEPT = `(async () => {
  const found = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })]
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const open = indexedDB.open(name)
      open.onerror = () => reject(open.error)
      open.onsuccess = () => resolve(open.result)
    })
    for (const store of database.objectStoreNames) {
      const all = database.transaction(store).objectStore(store).getAll()
      await new Promise(resolve => (all.onsuccess = all.onerror = resolve))
      found.push(JSON.stringify(all.result))
    }
    database.close()
  }
  return found.join()
})()`

t.test('a device that is not trusted keeps nothing', { skip: withoutBrowser() }, async t => {
  const { context, url } = await scene(t)
  const kept: string[] = []
  for (const trusted of [true, false]) {
    const window = await open(await context(), url)
    const { page } = window
    await page.goto(`${url}#converse/chat?jid=${BOB}`)
    await page.locator('input[name=trusted]').setChecked(trusted)
    await signIn(page, 'alice', 'secret')
    await page.locator('.toggle-emojis').waitFor()
    t.equal(await page.locator('.toggle-omemo').count(), trusted ? 1 : 0, 'keys need a place')
    await write(window, `a zebra, ${trusted}`)
    await read(window, `a zebra, ${trusted}`)
    await page.locator('.show-profile').click()
    const reloaded = page.waitForEvent('load')
    await page.getByText('Log out').click()
    await page.getByText('Confirm', { exact: true }).last().click()
    await reloaded
    await page.locator('input[name=jid]').waitFor()
    t.equal(await page.locator('input[name=password]').inputValue(), '')
    kept.push(await page.evaluate<string>(KEPT))
    t.strictSame(window.faults, [])
  }
  t.match(kept[0], 'a zebra, true', 'one that is does')
  t.notMatch(kept[1], 'zebra')
})

/** The part of a sentence that no encoding changes, and nothing else says. */
function words(text: string): string {
  return text.slice(-12).replace(/^.*[^\w ]/, '')
}

/** Keeps what was published for people to check their own code with, where TIDINGS_VECTORS names a folder for it. */
function keep(name: string, text: string): void {
  const folder = process.env.TIDINGS_VECTORS
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), `${text}\n`)
}
