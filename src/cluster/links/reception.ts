import type { Socket } from 'node:net'
import type { MonotonicClock } from '../clock.ts'
import { Callee, type Identity, MOST_GREETING_BYTES, RefusedError, refusal } from './greeting.ts'
import type { Incoming } from './incoming.ts'
import { KIND, MOST_BYTES, type Packet, PacketReader } from './packets.ts'

/** Who has shown that it belongs to the cluster, and where it is reached. */
export interface KnownCaller {
  readonly node: string
  readonly address: string
}

/** What a reception needs. */
export interface ReceptionParts {
  readonly own: Identity
  readonly clock: MonotonicClock
  /** Somebody is not let in; `from` is an address. */
  readonly refused: (from: string, trouble: Error) => void
  /** Says welcome to a caller and takes its frames; undefined where it is sent away. */
  readonly admit: (caller: KnownCaller, callee: Callee, socket: Socket) => Incoming | undefined
}

/** Strangers that may be in their greetings at a time. */
const MOST_STRANGERS = 64
const GREETING_MS = 5000

/** Where calls of other nodes come in: whoever is no member of the cluster gets no further. */
export class Reception {
  readonly #parts: ReceptionParts
  readonly #sockets = new Set<Socket>()
  readonly #strangers = new Set<Socket>()

  constructor(parts: ReceptionParts) {
    this.#parts = parts
  }

  /** Takes a new connection. */
  accept(socket: Socket): void {
    if (this.#strangers.size >= MOST_STRANGERS) {
      socket.destroy()
      return
    }
    this.#strangers.add(socket)
    this.#sockets.add(socket)
    const tooLong = this.#parts.clock.after(
      GREETING_MS,
      () => this.#strangers.has(socket) && socket.destroy(),
    )
    // It ends as a connection does that is closed; the caller makes another one.
    socket.on('error', () => {})
    socket.once('close', () => {
      tooLong.cancel()
      this.#strangers.delete(socket)
      this.#sockets.delete(socket)
    })
    this.#listen(socket)
  }

  /** Ends all connections. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #listen(socket: Socket): void {
    const callee = new Callee(this.#parts.own)
    const reader = new PacketReader(MOST_GREETING_BYTES)
    let incoming: Incoming | undefined
    const take = (packet: Packet): void => {
      if (socket.destroyed) return
      if (incoming !== undefined) incoming.push(packet)
      else if (this.#greet(packet, callee, socket) === 'known') {
        reader.most = MOST_BYTES
        incoming = this.#admit(callee, socket)
      }
    }
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk, take)
        incoming?.pump()
      } catch (trouble) {
        this.#refuse(socket, trouble as Error)
      }
    })
  }

  #greet(packet: Packet, callee: Callee, socket: Socket): 'known' | 'stranger' {
    if (packet.kind !== KIND.greeting) throw new RefusedError('version')
    const answer = callee.take(packet.fields)
    if (answer === undefined) return 'known'
    socket.write(answer)
    return 'stranger'
  }

  #admit(callee: Callee, socket: Socket): Incoming | undefined {
    this.#strangers.delete(socket)
    return this.#parts.admit(callee.caller, callee, socket)
  }

  #refuse(socket: Socket, trouble: Error): void {
    this.#parts.refused(socket.remoteAddress ?? 'this machine', trouble)
    if (trouble instanceof RefusedError) socket.write(refusal(trouble.reason))
    // What else it sends is not looked at.
    socket.removeAllListeners('data').resume()
    socket.destroySoon()
  }
}
