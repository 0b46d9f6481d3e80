import t from 'tap'
import { openChat, read, webChatFor, withoutBrowser, write } from './browser.ts'

t.test('the web chat, in two windows', { skip: withoutBrowser() }, async t => {
  const { browser, url } = await webChatFor(t)
  const alice = await openChat(browser, url, { user: 'alice', password: 'secret', with: 'bob@localhost' })
  const bob = await openChat(browser, url, { user: 'bob', password: 'secret', with: 'alice@localhost' })
  await write(alice, 'Hello Bob, from a browser')
  await read(bob, 'Hello Bob, from a browser')
  await write(bob, 'Grüße & <Küsse> 😀')
  await read(alice, 'Grüße & <Küsse> 😀')
  t.strictSame(
    [...alice.faults, ...bob.faults],
    [],
    'nothing from elsewhere, nothing that the policy forbids',
  )
})
