/** xmpp.js (`@xmpp/client`) as Node programs use it. It signs in by SCRAM-SHA-1. */
import { readFileSync } from 'node:fs'
import { setDefaultCACertificates } from 'node:tls'
import { type Client, client, xml } from '@xmpp/client'
import type { Element } from 'ltx'
import { type ChatClient, type ClientKind, Inbox, PATIENCE, SignInFailed, within } from './chat-client.ts'

export const xmppJs: ClientKind = {
  name: 'xmpp.js',
  async connect({ address, password, resource, port, direct, trusted }) {
    // It passes no TLS options on: whom it trusts is a matter of the process.
    setDefaultCACertificates([readFileSync(trusted, 'utf8')])
    return signIn(`${direct ? 'xmpps' : 'xmpp'}://localhost:${port}`, address, password, resource)
  },
}

/** The same over WebSocket, as in browsers. */
export const xmppJsWebSocket: ClientKind = {
  name: 'xmpp.js over WebSocket',
  plain: true,
  connect: ({ address, password, resource, webSocket }) => signIn(webSocket, address, password, resource),
}

function signIn(service: string, address: string, password: string, resource: string): Promise<ChatClient> {
  const [username = '', domain = ''] = address.split('@')
  // By itself it waits 2 s, which a machine that does much else may take for a handshake.
  const entity = client({ service, domain, username, password, resource, timeout: PATIENCE })
  // It would come back a second after whatever ended it.
  entity.reconnect.stop()
  return connected(entity)
}

async function connected(entity: Client): Promise<ChatClient> {
  const inbox = new Inbox()
  const ended = Promise.withResolvers<string>()
  let condition = 'closed'
  // All errors are emitted, those of start() as well.
  entity.on('error', (error: Error & { condition?: string }) => {
    condition = error.condition ?? condition
  })
  entity.on('disconnect', () => ended.resolve(condition))
  entity.on('stanza', (stanza: Element) => {
    const body = stanza.getChildText('body')
    if (!stanza.is('message') || body === null) return
    const delayed: string | undefined = stanza.getChild('delay', 'urn:xmpp:delay')?.attrs.stamp
    inbox.push({ from: String(stanza.attrs.from), body, delayed })
  })
  // COMPAT xmpp.js 0.14: it does not count what comes in one packet with <enabled/> (XEP-0198), so nothing is asked of the server before.
  const managed = new Promise<void>(resolve => {
    entity.on('element', (element: Element) => {
      if (element.is('enabled', 'urn:xmpp:sm:3')) setImmediate(resolve)
    })
  })
  const jid = await within(entity.start(), 'xmpp.js to sign in').catch(async (error: unknown) => {
    await entity.stop().catch(() => {})
    throw failureOf(error as Error & { condition?: string; code?: string })
  })
  await within(managed, 'stream management')
  await entity.send(xml('presence'))
  // The roster is read behind the presence: from now on messages come as they are sent. A moment earlier they are kept and follow, with a delay.
  await entity.iqCaller.request(xml('iq', { type: 'get' }, xml('query', { xmlns: 'jabber:iq:roster' })))
  return {
    jid: jid.toString(),
    send: (to, body) =>
      void entity.send(xml('message', { to, type: 'chat' }, xml('body', {}, body))).catch(() => {}),
    next: () => inbox.next(),
    unread: inbox.unread,
    async settle() {
      await entity.iqCaller.request(
        xml(
          'iq',
          { type: 'get', to: jid.toString().replace(/^.*@|\/.*$/g, '') },
          xml('ping', { xmlns: 'urn:xmpp:ping' }),
        ),
      )
    },
    ended: ended.promise,
    close: () => entity.stop(),
  }
}

function failureOf(error: Error & { condition?: string; code?: string }): SignInFailed | Error {
  if (error.condition !== undefined) return new SignInFailed(error.condition)
  return error.code?.startsWith('ERR_TLS_CERT') ? new SignInFailed('certificate', error.message) : error
}
