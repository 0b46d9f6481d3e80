/** XEP-0045 in the web chat: a private group of three, who encrypt (XEP-0384). */
import t from 'tap'
import {
  open as openWindow,
  picture,
  read,
  signIn,
  type Window,
  webChatFor,
  withoutBrowser,
  write,
} from './browser.ts'

t.setTimeout(180_000)

const ROOM = 'tea@rooms.localhost'
const USERS = ['alice', 'bob', 'carol']

/** Opens a menu of the room and takes what it offers. */
async function choose({ page }: Window, menu: string, what: string): Promise<void> {
  await page.locator(`${menu} .dropdown-toggle`).click()
  await page.locator(menu).getByText(what).click()
}

async function invite(window: Window, user: string): Promise<void> {
  await choose(window, 'converse-muc-sidebar', 'Invite someone')
  await window.page.fill('converse-muc-invite-modal input[name=invitee_jids]', `${user}@localhost`)
  await window.page.locator('converse-muc-invite-modal input[type=submit]').click()
}

/** Waits until these are in the room. */
async function attended({ page }: Window, users: readonly string[]): Promise<void> {
  for (const user of users)
    await page.locator('converse-muc-sidebar .occupant-nick', { hasText: user }).first().waitFor()
}

/** The room in the list of rooms. */
function listed({ page }: Window) {
  return page.locator(`converse-rooms-list [data-room-jid="${ROOM}"]`).first()
}

t.test('a private group', { skip: withoutBrowser() }, async t => {
  const { browser, url } = await webChatFor(t, USERS)
  const enter = async (user: string, hash = ''): Promise<Window> => {
    const window = await openWindow(await browser.newContext(), url)
    await window.page.goto(`${url}${hash}`)
    await signIn(window.page, user, 'secret')
    return window
  }
  const alice = await enter('alice', `#converse/room?jid=${ROOM}`)
  const [bob, carol] = [await enter('bob'), await enter('carol')]
  const all = [alice, bob, carol]

  await t.test('she makes it and invites others, who come', async () => {
    await choose(alice, 'converse-muc-heading', 'Configure')
    await alice.page.locator('[name="tidings:groups#group"]').check()
    await alice.page.locator('converse-muc-config-modal input[type=submit]').click()
    await alice.page
      .getByText('now non-anonymous')
      .or(alice.page.getByText('no longer anonymous'))
      .first()
      .waitFor()
    for (const [user, window] of [
      ['bob', bob],
      ['carol', carol],
    ] as const) {
      await invite(alice, user)
      await window.page.getByRole('button', { name: 'Confirm' }).click()
    }
    for (const window of all) await attended(window, USERS)
    await picture(bob, 'rooms-1-bob')
  })

  await t.test('they talk', async () => {
    await write(alice, 'Who wants tea?')
    for (const window of all) await read(window, 'Who wants tea?')
    await write(bob, 'Earl Grey, please')
    for (const window of all) await read(window, 'Earl Grey, please')
  })

  await t.test('what is said while he is away is there when he comes back', async () => {
    await bob.page.goto('about:blank')
    await write(alice, 'There are scones')
    await write(carol, 'And jam')
    await read(alice, 'And jam')
    await bob.page.goto(url)
    await listed(bob).waitFor()
    await picture(bob, 'rooms-2-bob')
    await bob.page.locator(`converse-rooms-list [data-room-jid="${ROOM}"] .open-room`).first().click()
    for (const text of ['Who wants tea?', 'There are scones', 'And jam']) await read(bob, text)
    await attended(bob, USERS)
  })

  await t.test('what is new is marked while he looks at something else', async () => {
    const item = bob.page.locator(`converse-rooms-list .list-item[data-room-jid="${ROOM}"]`)
    await bob.page.goto(`${url}#`)
    await bob.page.goto(`${url}#converse/room?jid=milk@rooms.localhost`)
    await bob.page
      .locator(`converse-rooms-list .list-item.open[data-room-jid="milk@rooms.localhost"]`)
      .waitFor()
    await write(alice, 'bob: any milk?')
    await item.and(bob.page.locator('.unread-msgs')).locator('.msgs-indicator', { hasText: /^1$/ }).waitFor()
    await picture(bob, 'rooms-3-bob')
    await bob.page.locator(`converse-rooms-list [data-room-jid="${ROOM}"] .open-room`).first().click()
    await read(bob, 'any milk?')
    await item.and(bob.page.locator(':not(.unread-msgs)')).waitFor()
  })

  await t.test(
    'elsewhere, where nothing is known yet, he finds the group and all that was said',
    async () => {
      const elsewhere = await enter('bob')
      all.push(elsewhere)
      await listed(elsewhere).waitFor()
      await elsewhere.page.locator(`converse-rooms-list [data-room-jid="${ROOM}"] .open-room`).first().click()
      const said = ['Who wants tea?', 'Earl Grey, please', 'There are scones', 'And jam', 'bob: any milk?']
      for (const text of said) await read(elsewhere, text)
      const shown = await elsewhere.page.locator('.chatroom .chat-msg__text').allInnerTexts()
      t.strictSame(
        shown.filter(text => said.includes(text)),
        said,
        'each once, in order',
      )
      await picture(elsewhere, 'rooms-4-bob')
      await elsewhere.page.context().close()
    },
  )

  await t.test('they encrypt', async () => {
    await alice.page.locator('.toggle-omemo[data-disabled=false]').click()
    await alice.page.locator('.toggle-omemo .fa-lock').waitFor()
    await write(alice, 'The walrus is at seven')
    for (const { page } of [bob, carol])
      await page.locator('.chat-msg', { hasText: 'The walrus is at seven' }).locator('.fa-lock').waitFor()
    await picture(carol, 'rooms-5-carol')
  })

  t.strictSame(
    all.flatMap(({ faults }) => faults),
    [],
  )
})
