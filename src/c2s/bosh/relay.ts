/** Requests for sessions of other workers: the system gives each connection to any of them, and a client of BOSH has several. */
import { rm } from 'node:fs/promises'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { BoshExchange } from './exchange.ts'

/** Where the workers take requests for their sessions from each other. */
export interface RelayOptions {
  /** The number of this one. */
  readonly number: number
  /** The address of a worker's unix socket. */
  path(number: number): string
  /** Ends the taking. */
  readonly signal: AbortSignal
}

/** An import of it would also load what it exports for clients in a browser's manner: 8 MiB. */
const { createServer, request: send } = process.getBuiltinModule('node:http')

/** What workers tell each other of a request and its answer. */
const HEADERS = {
  address: 'x-tidings-address',
  origin: 'x-tidings-origin',
  member: 'x-tidings-member',
} as const

/** Hands requests on to the worker that has their session, which is part of the session's id. */
export class Relay {
  readonly #options: RelayOptions

  constructor(options: RelayOptions) {
    this.#options = options
  }

  /** What the ids of sessions here begin with. */
  get prefix(): string {
    return `${this.#options.number}-`
  }

  /** Takes what others hand on. Resolves when they can. */
  async listen(answer: (exchange: BoshExchange) => Promise<void>): Promise<void> {
    const { number, signal } = this.#options
    const path = this.#options.path(number)
    await rm(path, { force: true })
    const server = createServer((request, response) => void answer(exchangeOf(request, response)))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject).listen({ path, signal }, resolve)
    await promise
  }

  /** Whether a session with this id, which is none of here, may be another worker's. */
  isElsewhere(sid: string): boolean {
    const number = numberOf(sid)
    return number !== undefined && number !== this.#options.number
  }

  /** Has the worker of a session answer. `lost`: it does not. */
  forward(sid: string, body: Buffer, { request, response, ...asked }: BoshExchange, lost: () => void): void {
    const headers: OutgoingHttpHeaders = {
      ...request.headers,
      'transfer-encoding': undefined,
      'content-length': body.length,
      connection: 'close',
      [HEADERS.address]: asked.address,
      [HEADERS.origin]: asked.origin,
    }
    const socketPath = this.#options.path(numberOf(sid) ?? 0)
    const onward = send({ socketPath, method: 'POST', path: '/bosh', headers: defined(headers) }, answer => {
      if (answer.headers[HEADERS.member] !== undefined) asked.release()
      response.writeHead(answer.statusCode ?? 500, toClient(answer))
      answer.pipe(response)
    })
    onward.once('error', lost)
    response.once('close', () => onward.destroy())
    onward.end(body)
  }
}

/** Numbers of workers have three digits at most. */
function numberOf(sid: string): number | undefined {
  const [, number] = /^(\d{1,3})-/.exec(sid) ?? []
  return number === undefined ? undefined : Number(number)
}

function exchangeOf(request: IncomingMessage, response: ServerResponse): BoshExchange {
  return {
    request,
    response,
    address: String(request.headers[HEADERS.address] ?? ''),
    origin: String(request.headers[HEADERS.origin] ?? ''),
    release: () => void response.setHeader(HEADERS.member, '1'),
  }
}

function defined(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
}

/** Headers of an answer without what concerns the connection between workers. */
function toClient({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const { connection, 'keep-alive': alive, date, [HEADERS.member]: member, ...rest } = headers
  return rest
}
