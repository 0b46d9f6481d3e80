import { once } from 'node:events'
import { WebSocket } from 'ws'
import { NS } from '../../src/xml/ns.ts'

/** A guard, never waited for when all is well. Milliseconds. */
const DEADLINE = 10_000

/** How to connect. */
export interface WebSocketClientOptions {
  readonly url: string
  readonly origin?: string
  /** Default: `xmpp`. */
  readonly protocol?: string
}

/** A client that sends and expects messages and knows no XMPP. */
export class WebSocketClient {
  readonly websocket: WebSocket
  private readonly inbox: string[] = []
  private changed = Promise.withResolvers<void>()
  /** The code with which the server closed; 1006 where it just went away. */
  code: number | undefined

  private constructor(websocket: WebSocket) {
    this.websocket = websocket
    websocket.on('message', data => {
      this.inbox.push(String(data))
      this.notify()
    })
    websocket.on('error', () => {})
    websocket.on('close', code => {
      this.code = code
      this.notify()
    })
  }

  /** Connects. Rejects with the status of the server's answer if that is no WebSocket. */
  static async connect({ url, origin, protocol = 'xmpp' }: WebSocketClientOptions): Promise<WebSocketClient> {
    const websocket = new WebSocket(url, protocol === '' ? [] : protocol, {
      rejectUnauthorized: false,
      ...(origin && { origin }),
    })
    const client = new WebSocketClient(websocket)
    const refused = Promise.withResolvers<never>()
    websocket.on('unexpected-response', (request, { statusCode }) => {
      request.destroy()
      refused.reject(new Error(String(statusCode)))
    })
    await Promise.race([once(websocket, 'open'), refused.promise])
    return client
  }

  send(text: string | Buffer): void {
    this.websocket.send(text)
  }

  /** The next message. */
  async next(): Promise<string> {
    while (this.inbox.length === 0) {
      if (this.code !== undefined) throw new Error(`closed with ${this.code} instead of a message`)
      await this.change()
    }
    return this.inbox.shift()!
  }

  /** The code with which the server closed, and all messages before that nobody expected. */
  async closed(): Promise<{ code: number; messages: string[] }> {
    while (this.code === undefined) await this.change()
    return { code: this.code, messages: this.inbox }
  }

  /** Opens a stream; resolves with our features. */
  async open(attributes = "to='localhost' version='1.0'"): Promise<string> {
    this.send(`<open xmlns='${NS.framing}' ${attributes}/>`)
    await this.next()
    return this.next()
  }

  /** Signs in by PLAIN and binds a resource; resolves with the answer. */
  async signIn(user: string, password: string, resource: string): Promise<string> {
    await this.open()
    const plain = Buffer.from(`\0${user}\0${password}`).toString('base64')
    this.send(`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>${plain}</auth>`)
    await this.next()
    await this.open()
    this.send(
      `<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='${NS.bind}'><resource>${resource}</resource></bind></iq>`,
    )
    return this.next()
  }

  private notify(): void {
    this.changed.resolve()
    this.changed = Promise.withResolvers()
  }

  private async change(): Promise<void> {
    const late = Promise.withResolvers<never>()
    const guard = setTimeout(() => late.reject(new Error('nothing came in time')), DEADLINE)
    try {
      await Promise.race([this.changed.promise, late.promise])
    } finally {
      clearTimeout(guard)
    }
  }
}
