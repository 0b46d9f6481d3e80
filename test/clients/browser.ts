/** Chromium of Debian without a screen, as people would use the web chat. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { ServerProcess } from '../support/server-process.ts'

const EXECUTABLE = '/usr/bin/chromium'
/** Nothing that would look for hosts of its maker. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Why there is no browser here; false if there is. */
export function withoutBrowser(): string | false {
  return existsSync(EXECUTABLE) ? false : 'chromium is not installed; as root: apt-get install chromium'
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS })
}

/** A window with the web chat, in a browser profile of its own. */
export interface Window {
  readonly page: Page
  /** What went wrong in the page: scripts that threw, requests that were refused or not for this server. */
  readonly faults: readonly string[]
}

/** Fills in the form of the web chat. */
export async function signIn(page: Page, user: string, password: string): Promise<void> {
  await page.fill('input[name=jid]', user)
  await page.fill('input[name=password]', password)
  await page.click('[type=submit]')
}

/** Signs in to the web chat and opens a chat with somebody; in a profile of its own, or in the one that is given. */
export async function openChat(
  browser: Browser | BrowserContext,
  url: string,
  who: { user: string; password: string; with: string },
): Promise<Window> {
  const context = 'newContext' in browser ? await browser.newContext() : browser
  const window = await open(context, url)
  const { page } = window
  await page.goto(`${url}#converse/chat?jid=${who.with}`)
  await signIn(page, who.user, who.password)
  await page.waitForSelector(INPUT)
  return window
}

/** Opens an empty window for pages of this server. */
export async function open(context: BrowserContext, url: string): Promise<Window> {
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.message))
  page.on('requestfailed', request => {
    // What a test breaks off by going elsewhere is no fault of the page.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') faults.push(`failed: ${request.url()}`)
  })
  page.on('request', request => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) faults.push(request.url())
  })
  page.on('console', message => {
    if (/Content Security Policy/.test(message.text())) faults.push(message.text())
  })
  return { page, faults }
}

/** Takes a picture of the window for people to look at, where TIDINGS_SCREENSHOTS names a folder for it. */
export async function picture({ page }: Window, name: string): Promise<void> {
  const folder = process.env.TIDINGS_SCREENSHOTS
  if (folder === undefined) return
  // What fades in is there then.
  await page.waitForTimeout(FADE_MS)
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

export const INPUT = 'textarea.chat-textarea'
const FADE_MS = 1_000

/** Writes into the open chat. */
export async function write({ page }: Window, text: string): Promise<void> {
  await page.fill(INPUT, text)
  await page.press(INPUT, 'Enter')
}

/** Waits until a message is shown that the other one wrote. */
export async function read({ page }: Window, text: string): Promise<void> {
  await page.locator('.chat-msg__text', { hasText: text }).waitFor()
}

/** A server with accounts of alice and bob, or others, and a browser; both end with the test. `url`: its web chat. */
export async function webChatFor(
  t: Test,
  users: readonly string[] = ['alice', 'bob'],
): Promise<{ browser: Browser; url: string }> {
  const server = await ServerProcess.start({
    accounts: users.map(user => [`${user}@localhost`, 'secret'] as const),
  })
  t.teardown(() => server.stop())
  const browser = await launch()
  t.teardown(() => browser.close())
  return { browser, url: `http://localhost:${server.ports.http}/` }
}

/** The first adds the second as a contact, who accepts: both are contacts then. Both are to see that list. `seen` is told of each step. */
export async function befriend(
  [asking, asked]: readonly [Window, Window],
  [from, to]: readonly [string, string],
  seen: (step: 'add' | 'asked') => Promise<void> = async () => {},
): Promise<void> {
  await asking.page.locator('.dropdown--contacts button').click()
  await asking.page.getByText('Add a contact').click()
  await seen('add')
  await asking.page.fill('converse-add-contact-modal input[name=jid]', to)
  await asking.page.locator('converse-add-contact-modal button[type=submit]').click()
  await asked.page.locator(`.open-chat[data-jid="${from}"]`).first().click()
  await seen('asked')
  await asked.page.getByText('Approve').click()
  await asked.page.locator('converse-accept-contact-request-modal button[type=submit]').click()
  await contactIs(asking, to, 'online')
  await contactIs(asked, from, 'online')
}

/** Waits until a contact is shown so. */
export function contactIs({ page }: Window, contact: string, shown: 'online' | 'offline'): Promise<void> {
  return page.locator(`li[data-status="${shown}"] .open-chat[data-jid="${contact}"]`).first().waitFor()
}
