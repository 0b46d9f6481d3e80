/** XEP-0045 as people see it in the web chat: a room is made, somebody is invited, both talk, one goes and comes back. */
import t from 'tap'
import { openChat, picture, read, type Window, webChatFor, withoutBrowser } from './browser.ts'

const ROOM = 'tea@rooms.localhost'
const INPUT = '.chatroom:not(.hidden) textarea.chat-textarea'

t.setTimeout(60_000)

t.test('a room, in two windows', { skip: withoutBrowser() }, async t => {
  const { browser, url } = await webChatFor(t)
  const alice = await openChat(browser, url, { user: 'alice', password: 'secret', with: 'bob@localhost' })
  const bob = await openChat(browser, url, { user: 'bob', password: 'secret', with: 'alice@localhost' })

  await alice.page.goto(`${url}#converse/room?jid=${ROOM}`)
  await alice.page.waitForSelector(INPUT)
  await picture(alice, 'room-1-made')
  await say(alice, 'The kettle is on')
  await read(alice, 'The kettle is on')

  await invite(alice, 'bob@localhost')
  await accept(bob)
  await bob.page.waitForSelector(INPUT)
  await picture(bob, 'room-2-entered')
  await read(bob, 'The kettle is on')
  await say(bob, 'Two sugars, please')
  await read(alice, 'Two sugars, please')
  await occupantsAre(alice, ['alice', 'bob'])

  await leave(bob)
  await alice.page.getByText(/bob has .*left the groupchat/).waitFor()
  await picture(alice, 'room-3-left')
  await say(alice, 'Where are you?')
  await read(alice, 'Where are you?')
  await bob.page.goto(`${url}#`)
  await bob.page.goto(`${url}#converse/room?jid=${ROOM}`)
  await read(bob, 'Where are you?')
  await occupantsAre(bob, ['alice', 'bob'])
  await picture(bob, 'room-4-back')
  const said = ['The kettle is on', 'Two sugars, please', 'Where are you?']
  for (const window of [alice, bob])
    t.strictSame(await window.page.locator('.chatroom .chat-msg__text').allInnerTexts(), said, 'each once')
  t.strictSame([...alice.faults, ...bob.faults], [])
})

async function say({ page }: Window, text: string): Promise<void> {
  await page.fill(INPUT, text)
  await page.press(INPUT, 'Enter')
}

async function invite({ page }: Window, who: string): Promise<void> {
  await page.locator('converse-muc-occupants converse-dropdown button').first().click()
  await page.locator('.open-invite-modal').click()
  await page.fill('converse-muc-invite-modal input[name="invitee_jids"]', who)
  await page.locator('converse-muc-invite-modal [type=submit]').click()
}

async function accept({ page }: Window): Promise<void> {
  await page.locator('converse-confirm-modal button[type=submit]').click()
}

async function leave({ page }: Window): Promise<void> {
  await page.locator(`.close-room[data-room-jid="${ROOM}"]`).first().click()
  await page.locator('converse-confirm-modal button[type=submit]').click()
}

/** Waits until these nicks are shown as being there, and no others. */
async function occupantsAre({ page }: Window, nicks: readonly string[]): Promise<void> {
  const shown = page.locator('converse-muc-occupants .occupant-nick')
  const end = Date.now() + 20_000
  while (
    (await shown.allInnerTexts())
      .map(text => text.trim())
      .sort()
      .join() !== nicks.join()
  ) {
    if (Date.now() > end) throw new Error(`there are ${await shown.allInnerTexts()}, not ${nicks}`)
    await page.waitForTimeout(50)
  }
}
