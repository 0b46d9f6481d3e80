/** What the tests use of @xmpp/client, which has no types of its own. */
declare module '@xmpp/client' {
  import type { EventEmitter } from 'node:events'
  import type { Element } from 'ltx'

  export interface Client extends EventEmitter {
    readonly jid: { toString(): string }
    readonly status: string
    readonly reconnect: { stop(): void }
    readonly iqCaller: { request(iq: Element, timeout?: number): Promise<Element> }
    start(): Promise<{ toString(): string }>
    stop(): Promise<void>
    send(element: Element): Promise<void>
  }

  export function client(options: {
    service: string
    domain: string
    resource?: string
    username: string
    password: string
    /** For each step, in ms. */
    timeout?: number
    userAgent?: Element
  }): Client

  export function xml(name: string, attributes?: object, ...children: (Element | string)[]): Element
}
