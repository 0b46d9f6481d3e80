/** xmpp.js (`@xmpp/client`) as Node programs use it. It signs in by SCRAM-SHA-1, in one go with Bind 2 (XEP-0388, XEP-0386). */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setDefaultCACertificates } from 'node:tls'
import { type Client, client, xml } from '@xmpp/client'
import type { Element } from 'ltx'
import { NS } from '../../src/xml/ns.ts'
import {
  type ChatClient,
  type ClientKind,
  Inbox,
  PATIENCE,
  type SignIn,
  SignInFailed,
  within,
} from './chat-client.ts'

export const xmppJs: ClientKind = {
  name: 'xmpp.js',
  async connect(options) {
    // It passes no TLS options on: whom it trusts is a matter of the process.
    setDefaultCACertificates([readFileSync(options.trusted, 'utf8')])
    return signIn(`${options.direct ? 'xmpps' : 'xmpp'}://localhost:${options.port}`, options)
  },
}

/** The same over WebSocket, as in browsers. */
export const xmppJsWebSocket: ClientKind = {
  name: 'xmpp.js over WebSocket',
  plain: true,
  connect: options => signIn(options.webSocket, options),
}

function signIn(service: string, options: SignIn): Promise<ChatClient> {
  const { address, password, resource } = options
  const [username = '', domain = ''] = address.split('@')
  const userAgent = xml('user-agent', { id: deviceOf(address, resource) })
  // By itself it waits 2 s, which a machine that does much else may take for a handshake.
  const entity = client({ service, domain, username, password, resource, userAgent, timeout: PATIENCE })
  // It would come back a second after whatever ended it.
  entity.reconnect.stop()
  return connected(entity, options)
}

/** The same installation whenever it has the same name: else it would be another one each time. */
function deviceOf(address: string, resource: string): string {
  const hex = createHash('sha256').update(`${address}/${resource}`).digest('hex')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
}

async function connected(entity: Client, { missed = false }: SignIn): Promise<ChatClient> {
  const inbox = new Inbox()
  const ended = Promise.withResolvers<string>()
  let condition = 'closed'
  // All errors are emitted, those of start() as well.
  entity.on('error', (error: Error & { condition?: string }) => {
    condition = error.condition ?? condition
  })
  entity.on('disconnect', () => ended.resolve(condition))
  entity.on('stanza', (stanza: Element) => {
    const kept = stanza.getChild('result', NS.archive)?.getChild('forwarded', NS.forward)
    const message = kept?.getChild('message', NS.client) ?? stanza
    const body = message.getChildText('body')
    if (!message.is('message') || body === null) return
    const delayed: string | undefined = (kept ?? stanza).getChild('delay', NS.delay)?.attrs.stamp
    inbox.push({ from: String(message.attrs.from), body, delayed })
  })
  let inOneGo = false
  // COMPAT xmpp.js 0.14: it does not count what comes in one packet with <enabled/> (XEP-0198), so nothing is asked of the server before.
  const managed = new Promise<void>(resolve => {
    entity.on('element', (element: Element) => {
      const bound = element.is('success', NS.sasl2) ? element.getChild('bound', NS.bind2) : undefined
      inOneGo ||= bound?.getChild('enabled', NS.streamManagement) !== undefined
      if (inOneGo || element.is('enabled', NS.streamManagement)) setImmediate(resolve)
    })
  })
  // COMPAT xmpp.js 0.14: start() waits for the server's stream header only once its own has been written, and misses one that came by then.
  const online = new Promise<{ toString(): string }>(resolve => entity.on('online', resolve))
  const jid = await within(Promise.race([entity.start(), online]), 'xmpp.js to sign in').catch(
    async (error: unknown) => {
      await entity.stop().catch(() => {})
      throw failureOf(error as Error & { condition?: string; code?: string })
    },
  )
  await within(managed, 'stream management')
  // XEP-0386 §3.2: what is archived it has to fetch by itself.
  if (missed) await entity.iqCaller.request(xml('iq', { type: 'set' }, xml('query', { xmlns: NS.archive })))
  await entity.send(xml('presence'))
  // The roster is read behind the presence: from now on messages come as they are sent. A moment earlier they are kept and follow, with a delay.
  await entity.iqCaller.request(xml('iq', { type: 'get' }, xml('query', { xmlns: NS.roster })))
  return {
    jid: jid.toString(),
    inOneGo,
    send: (to, body) =>
      void entity.send(xml('message', { to, type: 'chat' }, xml('body', {}, body))).catch(() => {}),
    next: () => inbox.next(),
    unread: inbox.unread,
    async settle() {
      await entity.iqCaller.request(
        xml(
          'iq',
          { type: 'get', to: jid.toString().replace(/^.*@|\/.*$/g, '') },
          xml('ping', { xmlns: NS.ping }),
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
