import t from 'tap'
import { type Running, startScreen } from '../../src/cli/start-screen.ts'
import { configFrom } from '../../src/config/load.ts'

const RUNNING: Running = {
  ports: { xmpp: 5222, 'xmpp-tls': 5223, http: 8080 },
  certificates: [],
  warnings: [],
}

function screen(config: object, running: Partial<Running> = {}): string {
  const full = configFrom(
    { hosts: [{ name: 'chat.example' }], ...config },
    { extensions: [], directory: '/' },
  )
  return startScreen(full, { ...RUNNING, ...running }, undefined)
}

t.test('what is there for browsers', async t => {
  const local = { address: '127.0.0.1' }
  t.match(
    screen({ listeners: { http: local } }),
    /^ {2}Web chat {5}http:\/\/localhost:8080\/\n {2}WebSocket {4}ws:\/\/localhost:8080\/ws\n/m,
  )
  const withoutChat = screen({ listeners: { http: { address: '::', 'web-chat': false } } })
  t.match(withoutChat, /^ {2}WebSocket {4}wss:\/\/chat.example:8080\/ws$/m)
  t.notMatch(withoutChat, 'Web chat')
  t.notMatch(screen({ listeners: { http: false } }), /Web chat|WebSocket/)
})

t.test('an invitation: its page, or without HTTP what apps open', async t => {
  const invitation = { uri: 'xmpp:chat.example?register;preauth=T', uses: 10, expires: 0 }
  const page = 'http://localhost:8080/invite/T'
  t.match(screen({}, { invitation }), /^ {2}Invitation {3}xmpp:chat\.example\?register;preauth=T$/m)
  t.match(screen({}, { invitation: { ...invitation, page } }), `  Invitation   ${page}\n`)
  t.notMatch(screen({}), 'Invitation')
})
