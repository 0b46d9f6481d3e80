/** How a client of a dialogue reaches the server. */
import type { XmlEvent } from './xml.ts'

/** Where a node listens. */
export interface Ports {
  readonly tcp: number
  readonly tls: number
  readonly http: number
}

/** What a client connects by. */
export type Over = 'tcp' | 'websocket' | 'bosh'

/** Is told what comes. */
export interface Receiver {
  received(event: XmlEvent): void
  /** What came is no XML as XMPP allows it. */
  failed(error: Error): void
  /** The connection is gone; nothing else comes. */
  closed(): void
}

/** A connection to the server. */
export interface Transport {
  /** Sends XML as a dialogue has it: without namespaces that the stream declares. */
  send(text: string): void
  /** Sends bytes as they are; `each`: one byte at a time. */
  sendBytes(data: Buffer, each: boolean): Promise<void>
  /** Opens a stream, or the next one. */
  open(domain: string, lang: string | undefined): void
  /** Closes the stream. */
  close(): void
  /** Closes this side of the connection, after both streams. */
  end(): void
  /** Cuts the connection without a word. */
  drop(): void
  /** Resolves when the server could answer at any time: a client that has to ask has asked. */
  ready(): Promise<void>
  /** Goes on under TLS; the stream begins anew. */
  startTls(): Promise<void>
}

/** For what a transport does not have. */
export function unsupported(what: string): never {
  throw new Error(`a dialogue can't do that with this client: ${what}`)
}

const TOKEN = /<!\[CDATA\[.*?\]\]>|<(?:[^"'>]|"[^"]*"|'[^']*')*>|[^<]+/gs

/** Takes a text apart into its elements and what is between them; what is no XML stays in one piece. */
export function elementsOf(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const [token] of text.matchAll(TOKEN)) {
    part += token
    if (token.startsWith('<![CDATA[') || !token.startsWith('<')) continue
    if (token.startsWith('</')) depth--
    else if (!token.endsWith('/>')) depth++
    if (depth > 0) continue
    parts.push(part.trim())
    part = ''
  }
  return part.trim() === '' ? parts : [...parts, part.trim()]
}
