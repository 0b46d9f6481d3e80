import t from 'tap'
import { openChat, read, webChatFor, withoutBrowser, write } from './browser.ts'

t.test('Converse over BOSH', { skip: withoutBrowser() }, async t => {
  const { browser, url } = await webChatFor(t)
  const overBosh = async (user: string, other: string) => {
    const context = await browser.newContext()
    await context.route('**/chat/chat.js', async route => {
      const script = await (await route.fetch()).text()
      await route.fulfill({
        contentType: 'text/javascript',
        body: script.replace('websocket_url: websocket', "bosh_service_url: '/bosh'"),
      })
    })
    return openChat(context, url, { user, password: 'secret', with: other })
  }
  const alice = await overBosh('alice', 'bob@localhost')
  const bob = await overBosh('bob', 'alice@localhost')
  const requests: string[] = []
  for (const { page } of [alice, bob]) {
    page.on('websocket', socket => requests.push(socket.url()))
    page.on('request', request => requests.push(new URL(request.url()).pathname))
  }
  for (let i = 0; i < 3; i++) {
    await write(alice, `from Alice ${i}`)
    await read(bob, `from Alice ${i}`)
    await write(bob, `Grüße & <Küsse> ${i}`)
    await read(alice, `Grüße & <Küsse> ${i}`)
  }
  t.strictSame([...new Set(requests)], ['/bosh'])
  t.strictSame([...alice.faults, ...bob.faults], [])
})
