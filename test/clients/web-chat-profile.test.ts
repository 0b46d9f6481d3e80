/** Pictures of people and bookmarks of rooms, as Converse keeps them: XEP-0054, 0153, 0402. */
import type { Browser } from 'playwright-core'
import t from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { befriend, open, picture, signIn, type Window, webChatFor, withoutBrowser } from './browser.ts'

t.setTimeout(120_000)

const skip = withoutBrowser()
const ALICE = 'alice@localhost'
const BOB = 'bob@localhost'
const ROOM = 'balcony@rooms.localhost'

/** A square, drawn by the browser, in Base64. */
const SQUARE = `(() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 })
  const context = canvas.getContext('2d')
  context.fillStyle = '#c00000'
  context.fillRect(0, 0, 64, 64)
  return canvas.toDataURL('image/png').split(',')[1]
})()`

/** A window of somebody, and what its page has sent; plugins of it are within reach of a test. */
interface Device extends Window {
  readonly sent: string[]
  /** It has looked for bookmarks, and has said that it is there: from now on it is told of those that come. */
  readonly ready: Promise<unknown>
  /** It has told the server what it can do, which has asked the first client of its kind. */
  readonly introduced: Promise<void>
}

async function device(browser: Browser, url: string, user: string): Promise<Device> {
  const context = await browser.newContext()
  await context.route('**/chat/chat.js', async route => {
    const script = await (await route.fetch()).text()
    const body = script.replace(
      'initialize() {',
      'initialize() { globalThis.bookmarks = this._converse.api.bookmarks',
    )
    await route.fulfill({ contentType: 'text/javascript', body })
  })
  const window = await open(context, url)
  const sent: string[] = []
  const looked = Promise.withResolvers<void>()
  const present = Promise.withResolvers<void>()
  const introduced = Promise.withResolvers<void>()
  let query: string | undefined
  let self: string | undefined
  window.page.on('websocket', socket => {
    socket.on('framesent', ({ payload }) => {
      const text = String(payload)
      sent.push(text)
      if (text.includes(`<items node="${NS.bookmarks}"`)) query = /<iq [^>]*id="([^"]+)"/.exec(text)?.[1]
      if (text.includes(`<feature var="${NS.bookmarks}+notify"/>`)) introduced.resolve()
    })
    socket.on('framereceived', ({ payload }) => {
      const text = String(payload)
      if (query !== undefined && text.startsWith('<iq ') && text.includes(`id="${query}"`)) looked.resolve()
      self ??= /<jid>(.+)<\/jid>/.exec(text)?.[1]
      // Its own presence comes back.
      if (self !== undefined && text.startsWith('<presence ') && text.includes(` from="${self}"`))
        present.resolve()
    })
  })
  await window.page.goto(url)
  await signIn(window.page, user, 'secret')
  await window.page.locator('converse-user-profile').waitFor()
  const ready = Promise.all([looked.promise, present.promise])
  return { ...window, sent, ready, introduced: introduced.promise }
}

t.test('a picture of oneself', { skip }, async t => {
  const { browser, url } = await webChatFor(t)
  const alice = await device(browser, url, 'alice')
  const bob = await device(browser, url, 'bob')
  await befriend([alice, bob], [ALICE, BOB])
  const { page } = alice
  const profile = async (): Promise<void> => {
    await page.locator('.show-profile').click()
    await page.locator('#profile-tab').click()
    await page.locator('input[name=avatar_image]').waitFor({ state: 'attached' })
  }
  const face = (window: Window) =>
    window.page.locator(`.open-chat[data-jid="${ALICE}"] converse-avatar[name="Alice A."] image`).first()
  const square = await page.evaluate<string>(SQUARE)
  const file = { name: 'me.png', mimeType: 'image/png', buffer: Buffer.from(square, 'base64') }
  await profile()
  await page.locator('input[name=avatar_image]').setInputFiles(file)
  await page.fill('input[name=fn]', 'Alice A.')
  await page.getByText('Save and close').click()
  await face(bob).waitFor()
  await picture(bob, 'profile-1')
  t.equal(
    await face(bob).getAttribute('href'),
    `data:image/png;base64,${square}`,
    'a contact sees it at once',
  )
  const later = await device(browser, url, 'bob')
  await face(later).waitFor()
  t.equal(
    await face(later).getAttribute('href'),
    `data:image/png;base64,${square}`,
    'and whoever comes later',
  )

  await profile()
  await page.locator('.clear-image').click()
  await page.getByText('Save and close').click()
  await face(bob).waitFor({ state: 'detached' })
  t.strictSame(
    [alice, bob, later].flatMap(window => window.faults),
    [],
  )
})

t.test('bookmarks', { skip }, async t => {
  const { browser, url } = await webChatFor(t)
  const desk = await device(browser, url, 'alice')
  await Promise.all([desk.ready, desk.introduced])
  const lap = await device(browser, url, 'alice')
  await lap.ready
  const set = (window: Window, bookmark: object) =>
    window.page.evaluate(`bookmarks.set(${JSON.stringify(bookmark)}).then(() => {})`)
  /** Waits until a window knows it so. */
  const known = async ({ page }: Window, name: string): Promise<object> => {
    for (const end = Date.now() + 30_000; ; await page.waitForTimeout(100)) {
      const found = await page.evaluate<Record<string, unknown> | undefined>(
        `globalThis.bookmarks?.get('${ROOM}').then(found => found && { ...found.attributes })`,
      )
      if (found?.name === name) return { jid: found.jid, nick: found.nick, autojoin: found.autojoin }
      if (Date.now() > end) throw new Error(`not named so: ${JSON.stringify(found)}`)
    }
  }
  const bookmark = { jid: ROOM, nick: 'alice', autojoin: false }
  await set(desk, { ...bookmark, name: 'The balcony' })
  t.strictSame(await known(lap, 'The balcony'), bookmark, 'another device of hers is told')
  t.ok(
    desk.sent.some(stanza => stanza.includes(`<publish node="${NS.bookmarks}">`)),
    'in the form of XEP-0402',
  )
  await set(lap, { ...bookmark, name: 'The orchard' })
  t.strictSame(await known(desk, 'The orchard'), bookmark)
  await desk.page.reload()
  t.strictSame(await known(desk, 'The orchard'), bookmark, 'after the page was loaded anew')
  const fresh = await device(browser, url, 'alice')
  t.strictSame(
    await known(fresh, 'The orchard'),
    bookmark,
    'on a device that knows only what the server says',
  )
  t.strictSame(
    [desk, lap, fresh].flatMap(window => window.faults),
    [],
  )
})
