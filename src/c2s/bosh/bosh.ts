/** XEP-0124: streams over HTTP, for networks and programs that get no WebSocket through. XEP-0206 says how XMPP uses it. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Connection } from '../connection.ts'
import type { C2s } from '../listener.ts'
import { welcomes } from '../origins.ts'
import { BoshError } from './answer.ts'
import type { BoshExchange } from './exchange.ts'
import type { Relay } from './relay.ts'
import { Reply } from './reply.ts'
import { type BoshRequest, readRequest } from './request.ts'
import { BoshSession } from './session.ts'
import { type BoshLimits, termsFor } from './terms.ts'
import { boshWire } from './wire.ts'

/** What sessions are made with. */
export interface BoshOptions {
  readonly clock: Clock
  readonly log: Log
  /** Web pages from these origins may connect, beside those of the server itself; `*`: from any. */
  readonly origins: readonly string[]
  readonly limits: BoshLimits
  /** The way to the sessions of other workers, where there are any. */
  readonly relay?: Relay
}

/** XEP-0124 §20.3: the id of a session can't be guessed: 128 bits. */
const SID_BYTES = 16
/** A session is looked for here when a body is larger than strangers may send. */
const SID = /^[^>]{0,2048}?\ssid\s*=\s*["']([\w-]{1,64})["']/
/** How much larger than a stanza a body may be: for what is around it, and more stanzas. */
const STRANGERS_MARGIN = 4 * 1024
const MARGIN = 64 * 1024
/** How long a browser may remember what other pages may do, in seconds. */
const PREFLIGHT_SECONDS = 86_400

/** A session with its connection. */
interface Open {
  readonly session: BoshSession
  readonly connection: Connection
  /** XEP-0124 §19.1: it began over an encrypted connection. */
  readonly secure: boolean
}

/** Opens streams over HTTP, and hands requests to their sessions. */
export class Bosh {
  readonly #c2s: C2s
  readonly #options: BoshOptions
  readonly #sessions = new Map<string, Open>()

  constructor(c2s: C2s, options: BoshOptions) {
    this.#c2s = c2s
    this.#options = options
  }

  /** Answers a request, at once or when there is something to say. Never rejects. */
  async answer(asked: BoshExchange): Promise<void> {
    const { request, response, origin } = asked
    const page = request.headers.origin
    response.setHeader('vary', 'origin')
    if (!welcomes(page, origin, this.#options.origins)) return plainly(response, 403)
    if (page !== undefined) response.setHeader('access-control-allow-origin', page)
    if (request.method === 'OPTIONS') return preflight(response)
    // XEP-0124 §5: all information is in POST requests.
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST, OPTIONS')
      return plainly(response, 405)
    }
    const reply = new Reply(response)
    try {
      const body = await this.#read(request)
      this.#take(readRequest(body, this.#c2s.limits.reader), reply, asked, body)
    } catch (error) {
      this.#fail(error, reply, asked)
    }
  }

  #take(request: BoshRequest, reply: Reply, asked: BoshExchange, body: Buffer): void {
    const { sid } = request
    if (sid === undefined) return void this.#open(request, reply, asked)
    const open = this.#sessions.get(sid)
    const { relay } = this.#options
    if (open === undefined && relay?.isElsewhere(sid))
      return void relay.forward(sid, body, asked, () => reply.refuse('item-not-found'))
    if (open === undefined) throw new BoshError('item-not-found')
    // XEP-0124 §19.1: the connection is closed, not the session: somebody else may have sent this.
    if (open.secure && !isSecure(asked)) return void asked.request.socket.destroy()
    if (this.#c2s.signedIn(open.connection)) asked.release()
    open.session.take(request, reply)
  }

  /** XEP-0124 §7 */
  #open(request: BoshRequest, reply: Reply, asked: BoshExchange): void {
    const { clock, limits, relay } = this.#options
    const session = new BoshSession(request, {
      sid: `${relay?.prefix ?? ''}${randomBytes(SID_BYTES).toString('base64url')}`,
      terms: termsFor(request, limits),
      clock,
      forget: ({ sid }) => this.#sessions.delete(sid),
    })
    const connection = this.#c2s.adopt(session.payloads, asked.address, session, boshWire)
    // There are too many who have not signed in.
    if (session.payloads.destroyed) throw new BoshError('policy-violation')
    this.#sessions.set(session.sid, { session, connection, secure: isSecure(asked) })
    session.take(request, reply)
  }

  /** The body of a request. Rejects with a BoshError if it is larger than it may be. */
  async #read(request: IncomingMessage): Promise<Buffer> {
    const { stanzaBytesBeforeSignIn, reader } = this.#c2s.limits
    const chunks: Buffer[] = []
    let bytes = 0
    let most = stanzaBytesBeforeSignIn + STRANGERS_MARGIN
    // The request must outlive its being refused: it has the connection for the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > most && this.#isFromMember(Buffer.concat(chunks))) most = reader.stanzaBytes + MARGIN
      if (bytes > most) throw new BoshError('policy-violation')
    }
    return Buffer.concat(chunks)
  }

  #isFromMember(beginning: Buffer): boolean {
    const [, sid = ''] = SID.exec(beginning.latin1Slice(0, 4096)) ?? []
    const open = this.#sessions.get(sid)
    if (open !== undefined) return this.#c2s.signedIn(open.connection)
    // Whoever has the session looks again.
    return this.#options.relay?.isElsewhere(sid) ?? false
  }

  #fail(error: unknown, reply: Reply, { request, response }: BoshExchange): void {
    if (!(error instanceof BoshError)) {
      // The client went away while it was sending.
      if (!request.complete) return void request.socket.destroy()
      this.#options.log.error({ code: 'TIDINGS_HTTP_FAILED', err: error }, 'a request could not be answered')
    }
    // What is left of it is not read.
    if (!request.complete) response.setHeader('connection', 'close')
    reply.refuse(error instanceof BoshError ? error.condition : 'internal-server-error')
  }
}

function isSecure({ origin }: BoshExchange): boolean {
  return origin.startsWith('https:')
}

/** Lets pages from elsewhere send bodies of XML. */
function preflight(response: ServerResponse): void {
  response.setHeader('access-control-allow-methods', 'POST, OPTIONS')
  response.setHeader('access-control-allow-headers', 'content-type')
  response.setHeader('access-control-max-age', PREFLIGHT_SECONDS)
  plainly(response, 204)
}

function plainly(response: ServerResponse, status: number): void {
  response.writeHead(status).end()
}
