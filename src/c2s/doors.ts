import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { TidingsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { trustedAddresses } from '../core/networks.ts'
import type { ListenOptions } from './options.ts'

/** RFC 6120 §4.6.3: how long a silent connection is believed to be alive before TCP asks, in milliseconds. */
const KEEP_ALIVE_MS = 60_000
/** Connections that may wait to be accepted, as far as the kernel lets us. */
const BACKLOG = 4_096

/** One listening socket with its rules. */
export interface Door extends ListenOptions {
  /** Whether what comes from this address is a proxy's, and says whom it brings. */
  readonly trusts: (address: string) => boolean
}

/** The listening sockets of the server's client side. */
export class Doors {
  readonly #servers = new Set<Server>()
  readonly #accept: (socket: Socket, door: Door) => void
  readonly #log: Log

  constructor(accept: (socket: Socket, door: Door) => void, log: Log) {
    this.#accept = accept
    this.#log = log
  }

  /** Opens one; resolves with where that is. Rejects with a TidingsError if it can't be opened. */
  async open(at: ListenOptions): Promise<{ address: string; port: number }> {
    const door: Door = { ...at, trusts: trustedAddresses(at.proxies ?? []) }
    const server = createServer(
      { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
      socket => this.#accept(socket, door),
    )
    const { address, port, shared = false } = at
    try {
      const place = { host: address, port, backlog: BACKLOG, reusePort: shared }
      await once(server.listen(place), 'listening')
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const text = `no listening on ${address} port ${port}: ${why}`
      throw new TidingsError('TIDINGS_LISTEN_FAILED', text, { cause })
    }
    server.on('error', err =>
      this.#log.error({ code: 'TIDINGS_ACCEPT_FAILED', err }, 'connections could not be accepted'),
    )
    this.#servers.add(server)
    const bound = server.address() as AddressInfo
    return { address: bound.address, port: bound.port }
  }

  /** Closes all of them. */
  close(): void {
    for (const server of this.#servers) server.close()
    this.#servers.clear()
  }
}
