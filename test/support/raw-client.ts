import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'

/** A guard, never waited for when all is well. Milliseconds. */
const DEADLINE = 10_000

/** A client that sends and expects text and knows no XMPP: for tests of bytes. */
export class RawClient {
  socket: Socket
  /** Everything received that no `expect` has consumed. */
  text = ''
  /** The server has ended its side, or the connection is gone. */
  ended = false
  #changed = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.socket = socket
    this.#attach(socket)
  }

  /** Connects over TCP, from one of the loopback addresses if given. */
  static async connect(port: number, localAddress?: string): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...(localAddress && { localAddress }) })
    const client = new RawClient(socket)
    await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    return client
  }

  /** Connects with TLS from the first byte. Rejects if the handshake fails. */
  static async connectTls(port: number, options: ConnectionOptions = {}): Promise<RawClient> {
    const socket = connectTls({ port, host: '127.0.0.1', ...TLS, ...options })
    await once(socket, 'secureConnect')
    return new RawClient(socket)
  }

  /** Starts TLS on the open connection. Rejects if the handshake fails. */
  async startTls(options: ConnectionOptions = {}): Promise<void> {
    this.socket.removeAllListeners('data')
    const socket = connectTls({ socket: this.socket, ...TLS, ...options })
    await once(socket, 'secureConnect')
    this.socket = socket
    this.#attach(socket)
  }

  /** The encrypted socket. */
  get tls(): TLSSocket {
    return this.socket as TLSSocket
  }

  send(data: string | Buffer): void {
    this.socket.write(data)
  }

  /** Waits for text that matches and consumes everything up to its end. Rejects when the connection ends without it. */
  async expect(pattern: RegExp | string): Promise<RegExpMatchArray> {
    const regexp = typeof pattern === 'string' ? new RegExp(literally(pattern)) : pattern
    for (;;) {
      const match = regexp.exec(this.text)
      if (match !== null) {
        this.text = this.text.slice(match.index + match[0].length)
        return match
      }
      if (this.ended) throw new Error(`no ${regexp} before the end, but ${JSON.stringify(this.text)}`)
      await this.#change(`no ${regexp}`)
    }
  }

  /** Waits until the server has ended its side; resolves with all that nobody expected. */
  async end(): Promise<string> {
    while (!this.ended) await this.#change('no end')
    return this.text
  }

  #attach(socket: Socket): void {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString()
      this.#notify()
    })
    const ended = (): void => {
      this.ended = true
      this.#notify()
    }
    socket.on('end', ended).on('close', ended)
  }

  #notify(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async #change(what: string): Promise<void> {
    const { promise, reject } = Promise.withResolvers<void>()
    const late = (): void => reject(new Error(`${what} in time, but ${JSON.stringify(this.text)}`))
    const guard = setTimeout(late, DEADLINE)
    try {
      await Promise.race([this.#changed.promise, promise])
    } finally {
      clearTimeout(guard)
    }
  }
}

/** The certificates of tests are self-made. */
const TLS: ConnectionOptions = { rejectUnauthorized: false, servername: 'localhost' }

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
