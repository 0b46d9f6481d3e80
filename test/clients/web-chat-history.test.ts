/** XEP-0313, 0280, 0308, 0424 as people see them in the web chat: whichever browser they take up, it shows the same. */
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { signedIn } from '../support/signed-in.ts'
import type { TestServer } from '../support/test-server.ts'
import { launch, openChat, picture, read, type Window, withoutBrowser, write } from './browser.ts'
import { message, said, week, withArchives } from './seeded.ts'

/** Converse takes 30 ms for each. */
const HANDED_OVER = 60

const skip = withoutBrowser()
t.setTimeout(120_000)

const BOB = { user: 'bob', password: 'secret', with: 'alice@localhost' }
const ALICE = { user: 'alice', password: 'secret', with: 'bob@localhost' }

interface Scene {
  readonly server: TestServer
  readonly browser: Browser
  readonly url: string
}

async function scene(t: Test): Promise<Scene> {
  const server = await withArchives(t)
  const browser = await launch()
  t.teardown(() => browser.close())
  return { server, browser, url: `http://localhost:${server.ports[0]!.http}/` }
}

/** The messages on the page, oldest first. Of many Converse shows some. */
function texts({ page }: Window): Promise<string[]> {
  return page.locator('.chat-msg__text').allInnerTexts()
}

/** Reads where Converse keeps what is Bob's. For the browser. */
const RECORDS = `new Promise((resolve, reject) => {
  const open = indexedDB.open('converse-persistent')
  open.onerror = () => reject(open.error)
  open.onsuccess = () => {
    const all = open.result.transaction('bob@localhost').objectStore('bob@localhost').getAll()
    all.onerror = () => reject(all.error)
    all.onsuccess = () => resolve(all.result)
  }
})`

/** The messages that begin so, of all that Converse has, in no order. */
async function kept({ page }: Window, start: string): Promise<string[]> {
  const records = await page.evaluate<{ body?: string }[]>(RECORDS)
  return records.flatMap(({ body }) => (body?.startsWith(start) ? [body] : []))
}

t.test('a week away', { skip }, async t => {
  const { server, browser, url } = await scene(t)
  const { tcp } = server.ports[0]!
  const context = await browser.newContext()
  // Converse asks for what came after the last message that it has, by its own clock.
  const inStep = (): Promise<void> => context.clock.setSystemTime(server.clock.now())
  await inStep()
  const alice = await signedIn(t, tcp, 'alice', 'secret')
  const bob = await openChat(context, url, BOB)
  await said(alice, message('bob@localhost', 'Bye'))
  await read(bob, 'Bye')
  await bob.page.goto('about:blank')

  await t.test('while his phone was there', async t => {
    const phone = await signedIn(t, tcp, 'bob', 'secret')
    const ids = await week(server, alice, 'bob@localhost')
    await phone.expect(ids.at(-1)!)
    phone.send('</stream:stream>')
    await phone.end()
    await inStep()
    await bob.page.goto(url)
    await read(bob, ids.at(-1)!)
    await picture(bob, 'week-1-newest')
    t.strictSame((await texts(bob)).slice(-50), ids.slice(-50), 'the newest, in order')
    // Whoever scrolls up gets what is before.
    await bob.page.mouse.move(700, 400)
    await until(bob, async () => {
      await bob.page.mouse.wheel(0, -2_000)
      return (await kept(bob, 'No.')).length >= 100
    })
    const all = await kept(bob, 'No.')
    t.strictSame(all.sort(), ids.slice(-all.length).sort(), 'and those before, without a gap, each once')
  })

  await t.test('while nobody was', async t => {
    await bob.page.goto('about:blank')
    const ids = Array.from({ length: HANDED_OVER }, (_, i) => `Then ${i}.`)
    await said(alice, ids.map(id => message('bob@localhost', id)).join(''))
    await inStep()
    await bob.page.goto(url)
    await until(bob, async () => (await kept(bob, 'Then')).length >= ids.length)
    await picture(bob, 'week-2-handed-over')
    t.strictSame((await kept(bob, 'Then')).sort(), ids.toSorted(), 'each once')
    t.strictSame((await texts(bob)).slice(-50), ids.slice(-50), 'in order')
  })
})

t.test('two devices in step, a correction and a retraction', { skip }, async t => {
  const { browser, url } = await scene(t)
  const alice = await openChat(browser, url, ALICE)
  const first = await openChat(browser, url, BOB)
  const second = await openChat(browser, url, BOB)
  const everywhere = [alice, first, second]
  const shown = async (expected: readonly string[], windows = everywhere): Promise<void> => {
    for (const window of windows)
      await until(window, async () => (await texts(window)).join() === expected.join()).catch(() => {})
    for (const window of windows) t.strictSame(await texts(window), expected)
  }
  await write(alice, 'At seven?')
  await read(first, 'At seven?')
  await write(first, 'Gladly')
  await read(alice, 'Gladly')
  await write(second, 'Where?')
  await read(alice, 'Where?')
  await write(alice, 'A secret')
  await shown(['At seven?', 'Gladly', 'Where?', 'A secret'])

  await action(alice, 'At seven?', 'edit')
  await write(alice, 'At eight?')
  await shown(['At eight?', 'Gladly', 'Where?', 'A secret'])
  await action(alice, 'A secret', 'edit')
  await write(alice, 'A secret, corrected')
  await shown(['At eight?', 'Gladly', 'Where?', 'A secret, corrected'])
  await action(alice, 'A secret', 'retract')
  await alice.page.locator('converse-confirm-modal button[type=submit]').click()
  for (const window of everywhere) await window.page.locator('.chat-msg--retracted').waitFor()
  await shown(['At eight?', 'Gladly', 'Where?'])
  for (const [i, window] of everywhere.entries()) await picture(window, `step-1-${i}`)

  // A browser that has never been here knows only what the archive says.
  const fresh = [await openChat(browser, url, BOB), await openChat(browser, url, ALICE)]
  for (const window of fresh) await window.page.locator('.chat-msg--retracted').waitFor()
  await shown(['At eight?', 'Gladly', 'Where?'], fresh)
  for (const [i, window] of fresh.entries()) {
    await picture(window, `step-2-${i}`)
    t.notMatch(await window.page.content(), 'A secret')
  }
})

/** Picks one of the things that may be done with a message. */
async function action({ page }: Window, text: string, name: 'edit' | 'retract'): Promise<void> {
  const one = page.locator('.chat-msg', { hasText: text })
  await one.hover()
  await one.locator('converse-message-actions .btn').click()
  await one.locator(`.chat-msg__action-${name}`).click()
}

/** Waits for something on the page. */
async function until({ page }: Window, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('nothing in time')
    await page.waitForTimeout(100)
  }
}
