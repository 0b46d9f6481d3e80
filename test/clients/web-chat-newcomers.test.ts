/** The first evening: an invitation, two people who have never heard of XMPP, and nothing but a browser. */
import t from 'tap'
import { configured, start } from '../support/tidings.ts'
import {
  befriend,
  contactIs,
  INPUT,
  launch,
  open,
  picture,
  read,
  signIn,
  type Window,
  withoutBrowser,
  write,
} from './browser.ts'

const PASSWORD = 'correct horse 9'
const listener = { address: '127.0.0.1', port: 0 }

t.test('two newcomers meet in the browser', { skip: withoutBrowser() }, async t => {
  const listeners = { xmpp: listener, 'xmpp-tls': false, http: listener, metrics: false }
  const { config } = await configured(t, { listeners })
  const server = start(['start', '--config', config])
  t.teardown(async () => {
    server.child.kill('SIGTERM')
    await server.ended
  })
  const [, invitation = ''] = await server.saw(/Invitation +(\S+)/)
  const url = `${new URL(invitation).origin}/`
  const browser = await launch()
  t.teardown(() => browser.close())

  /** Makes an account by the invitation, and signs in to the web chat. */
  const join = async (name: string): Promise<Window> => {
    const window = await open(await browser.newContext(), url)
    const { page } = window
    await page.goto(invitation)
    await picture(window, `1-${name}-invitation`)
    await page.fill('input[name=username]', name)
    await page.fill('input[name=password]', PASSWORD)
    await page.click('button')
    await page.getByText(`${name}@localhost`).waitFor()
    await picture(window, `2-${name}-welcome`)
    await page.getByText('Chat in the browser').click()
    await page.waitForSelector('input[name=jid]')
    await picture(window, `3-${name}-sign-in`)
    await signIn(page, name, PASSWORD)
    await page.locator('converse-user-profile').waitFor()
    await page.getByText('such as name@localhost').waitFor()
    await picture(window, `4-${name}-signed-in`)
    return window
  }
  const pictures = async (step: string): Promise<void> => {
    for (const [name, window] of [
      ['alice', alice],
      ['bob', bob],
    ] as const)
      await picture(window, `${step}-${name}`)
  }
  const alice = await join('alice')
  const bob = await join('bob')

  // Alice adds Bob, who accepts.
  const steps = { add: '5-add', asked: '6-asked' }
  await befriend([alice, bob], ['alice@localhost', 'bob@localhost'], step => pictures(steps[step]))
  await pictures('7-contacts')

  await alice.page.locator(INPUT).pressSequentially('Hello Bob')
  await bob.page.getByText('alice@localhost is typing').waitFor()
  await picture(bob, '8-typing')
  await alice.page.press(INPUT, 'Enter')
  await read(bob, 'Hello Bob')
  await write(bob, 'Grüße 😀')
  await read(alice, 'Grüße 😀')
  await pictures('9-chat')

  // Bob's page is away for a moment, then loaded again: nothing is lost.
  await bob.page.goto('about:blank')
  await write(alice, 'While you were away')
  await bob.page.goto(url)
  await read(bob, 'While you were away')
  await read(bob, 'Hello Bob')
  await pictures('10-loaded-again')

  // He leaves: Alice sees it, and what she writes waits for him.
  const reloaded = bob.page.waitForEvent('load')
  await bob.page.locator('.show-profile').click()
  await bob.page.getByText('Log out').click()
  await bob.page.getByText('Confirm', { exact: true }).last().click()
  // The page is loaded anew by itself; what else is opened meanwhile would break that off.
  await reloaded
  await contactIs(alice, 'bob@localhost', 'offline')
  await write(alice, 'For tomorrow')
  await pictures('11-offline')
  await bob.page.goto(url)
  await signIn(bob.page, 'bob', PASSWORD)
  await contactIs(bob, 'alice@localhost', 'online')
  await contactIs(alice, 'bob@localhost', 'online')
  await pictures('12-back')
  await bob.page.locator('.open-chat[data-jid="alice@localhost"]').first().click()
  await read(bob, 'For tomorrow')
  await write(bob, 'Here I am again')
  await read(alice, 'Here I am again')
  await pictures('13-again')
  t.strictSame(
    [...alice.faults, ...bob.faults],
    [],
    'nothing from elsewhere, nothing that the policy forbids',
  )
})
