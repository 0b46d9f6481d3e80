/** Chromium of Debian without a screen, as people would use the web chat. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

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
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.message))
  page.on('requestfailed', request => faults.push(`failed: ${request.url()}`))
  page.on('request', request => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) faults.push(request.url())
  })
  page.on('console', message => {
    if (/Content Security Policy/.test(message.text())) faults.push(message.text())
  })
  await page.goto(`${url}#converse/chat?jid=${who.with}`)
  await signIn(page, who.user, who.password)
  await page.waitForSelector(INPUT)
  return { page, faults }
}

const INPUT = 'textarea.chat-textarea'

/** Writes into the open chat. */
export async function write({ page }: Window, text: string): Promise<void> {
  await page.fill(INPUT, text)
  await page.press(INPUT, 'Enter')
}

/** Waits until a message is shown that the other one wrote. */
export async function read({ page }: Window, text: string): Promise<void> {
  await page.locator('.chat-msg__text', { hasText: text }).waitFor()
}
