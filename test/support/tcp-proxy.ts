import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** One connection through the proxy: the client's socket and ours to the server. */
interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/** A TCP proxy on loopback that can do to connections what mobile networks do. */
export class TcpProxy {
  /** How long what comes is held before it goes on, in milliseconds; for both directions, and for chunks that come from now on. */
  delay = 0
  readonly #server: Server
  readonly #target: () => number
  readonly #pairs = new Set<Pair>()
  /** Connections of which neither side hears anything any more. */
  readonly #lost = new Set<Pair>()

  private constructor(server: Server, target: () => number) {
    this.#server = server
    this.#target = target
    server.on('connection', client => this.#accept(client))
  }

  /** Listens on a free port and connects to the port that `target` gives when somebody comes. */
  static async start(target: () => number): Promise<TcpProxy> {
    const server = createServer({ noDelay: true })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return new TcpProxy(server, target)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Stops reading from all connections there are, in both directions; their sockets stay open. */
  stall(): void {
    for (const { client, server } of this.#pairs) {
      client.pause()
      server.pause()
    }
  }

  /** Goes on reading. */
  resume(): void {
    for (const { client, server } of this.#pairs) {
      client.resume()
      server.resume()
    }
  }

  /**
   * The clients there are vanish: their sockets are gone, and the server is not told. It can write as long as its socket takes it;
   * nothing of that arrives. Those who connect from now on are served.
   */
  vanish(): void {
    for (const pair of [...this.#pairs]) {
      this.#pairs.delete(pair)
      this.#lost.add(pair)
      pair.client.removeAllListeners('close').destroy()
      pair.server.removeAllListeners('data').pause()
    }
  }

  /** What the server says arrives no more; what clients say does. */
  mute(): void {
    for (const { client, server } of this.#pairs) {
      server.removeAllListeners('data').resume()
      client.resume()
    }
  }

  /** Resolves when the server has ended a connection whose client vanished or was stalled. */
  lost(): Promise<void> {
    return new Promise(resolve => {
      for (const { server } of [...this.#pairs, ...this.#lost]) {
        server.once('close', () => resolve())
        // A socket that nobody reads does not notice its end.
        server.removeAllListeners('data').resume()
      }
    })
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const { client, server } of [...this.#pairs, ...this.#lost]) {
      client.destroy()
      server.destroy()
    }
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket): void {
    const server = connect({ port: this.#target(), host: '127.0.0.1', noDelay: true })
    const pair = { client, server }
    this.#pairs.add(pair)
    this.#pipe(client, server)
    this.#pipe(server, client)
    const gone = (): void => {
      client.destroy()
      server.destroy()
      this.#pairs.delete(pair)
      this.#lost.delete(pair)
    }
    client.on('error', () => {}).on('close', gone)
    server.on('error', () => {}).on('close', gone)
  }

  #pipe(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (this.delay === 0) to.write(chunk)
      else setTimeout(() => to.destroyed || to.write(chunk), this.delay)
    })
    from.on('end', () => to.end())
  }
}
