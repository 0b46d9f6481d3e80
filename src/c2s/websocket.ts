import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../core/clock.ts'
import type { Messages } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import type { C2s } from './listener.ts'
import { welcomes } from './origins.ts'
import type { SocketOwner } from './socket-owner.ts'
import { webSocketWire } from './websocket-wire.ts'

/** RFC 7395 §3.1: the name of the subprotocol. */
const SUBPROTOCOL = 'xmpp'
/** How often each client is asked whether it is there, in milliseconds. Who has said nothing since the last time is gone. */
const PING_MS = 30_000
/**
 * Parts that a message may come in: frames, and reads of the socket. Their number is bounded apart from their bytes, since each
 * costs memory beside them (websockets/ws issue 2331).
 */
const MOST_FRAGMENTS = 128
const MOST_CHUNKS = 2_048
/** How much larger than a stanza a message may be to be read at all. */
const MARGIN_BYTES = 64 * 1024
/** RFC 6455 §7.4.1: data of a type that is not accepted. */
const UNSUPPORTED_DATA = 1003
const NORMAL = 1000

/** What WebSockets are opened with. */
export interface WebSocketOptions {
  readonly clock: Clock
  /** Web pages from these origins (`https://chat.example`) may connect, beside those of the server itself; `*`: from any. */
  readonly origins: readonly string[]
}

/** A request to open a WebSocket, as the HTTP server got it. */
export interface WebSocketRequest {
  readonly request: IncomingMessage
  readonly socket: Socket
  /** What came behind the request. */
  readonly head: Buffer
  /** The client's address. */
  readonly address: string
  /** The origin by which the client knows this server: `https://chat.example`. */
  readonly origin: string
}

/** Opens streams over WebSocket: RFC 7395. */
export class WebSockets {
  readonly #c2s: C2s
  readonly #options: WebSocketOptions
  readonly #server: WebSocketServer
  readonly #asked: Deadlines<Peer>

  constructor(c2s: C2s, options: WebSocketOptions) {
    this.#c2s = c2s
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxFragments: MOST_FRAGMENTS,
      maxBufferedChunks: MOST_CHUNKS,
      // The reader checks that.
      skipUTF8Validation: true,
      handleProtocols: () => SUBPROTOCOL,
    })
    this.#asked = new Deadlines(options.clock, PING_MS, peer => peer.ask() && this.#asked.add(peer))
  }

  /** Answers a request to open a WebSocket, and opens a stream over it. */
  open(asked: WebSocketRequest): void {
    const { request, socket, head, address } = asked
    // RFC 7395 §3.1: the client offers the subprotocol "xmpp".
    if (!subprotocols(request).includes(SUBPROTOCOL)) refuse(socket, '400 Bad Request')
    else if (!welcomes(request.headers.origin, asked.origin, this.#options.origins))
      refuse(socket, '403 Forbidden')
    else {
      // The limit may have changed since the last one.
      this.#server.options.maxPayload = mostBytes(this.#c2s.limits.reader.stanzaBytes)
      this.#server.handleUpgrade(request, socket, head, opened => this.#adopt(opened, socket, address))
    }
  }

  /** A function of its own, so that nothing here keeps the request in memory. */
  #adopt(websocket: WebSocket, socket: Socket, address: string): void {
    const peer = new Peer(websocket, socket)
    this.#c2s.adopt(socket, address, peer, webSocketWire)
    this.#asked.add(peer)
    websocket.once('close', () => this.#asked.delete(peer))
  }
}

/** One WebSocket: `ws` reads it, its connection writes to the socket. */
class Peer implements Messages {
  readonly #websocket: WebSocket
  readonly #socket: Socket
  #heard = true

  constructor(websocket: WebSocket, socket: Socket) {
    this.#websocket = websocket
    this.#socket = socket
    // Protocol errors are answered by `ws`, which then closes.
    websocket.on('error', ignore)
    websocket.on('pong', () => (this.#heard = true))
  }

  read(owner: SocketOwner): void {
    this.#websocket.on('message', (data, binary) => {
      this.#heard = true
      // RFC 7395 §3.2: messages are text.
      if (binary) this.#websocket.close(UNSUPPORTED_DATA)
      else owner.socketReceived(data as Buffer)
    })
  }

  pause(): void {
    this.#websocket.pause()
  }

  resume(): void {
    this.#websocket.resume()
  }

  /** RFC 7395 §3.6: then the WebSocket is closed, by its own handshake. */
  end(): void {
    this.#websocket.close(NORMAL)
  }

  /** RFC 6455 §5.5.2: sends a ping, unless the last one got no answer: then the client is gone. */
  ask(): boolean {
    // A client that we do not read can't be heard.
    if (!this.#heard && !this.#websocket.isPaused) {
      this.#socket.destroy()
      return false
    }
    this.#heard = false
    this.#websocket.ping()
    return true
  }
}

function ignore(): void {}

/** What is a little too large ends with the stream error that says so; what is much too large, with the code 1009. 0 is no limit. */
function mostBytes(stanzaBytes: number): number {
  return stanzaBytes === Number.POSITIVE_INFINITY ? 0 : stanzaBytes + MARGIN_BYTES
}

function subprotocols(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim())
}

/** Answers a request that is not to become a WebSocket. */
function refuse(socket: Socket, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
