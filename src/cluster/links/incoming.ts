import type { Socket } from 'node:net'
import type { Answer, Frame } from '../types.ts'
import { MalformedError } from './fields.ts'
import { KIND, type Packet, packNumber } from './packets.ts'

/** What is done with what comes from another node. */
export interface Inbox {
  /** The number of the last frame that has been taken, over all connections. */
  taken: number
  request(frame: Frame, number: number): void
  notify(frame: Frame): void
  answered(number: number, answer: Answer | undefined): void
}

/** The sender is told what was taken after so many frames, at the latest after so many milliseconds. */
const TELL_FRAMES = 256
const TELL_MS = 10

/** One connection that another node has made and over which its frames come. Which of them were taken is told on the same connection. */
export class Incoming {
  readonly #socket: Socket
  readonly #inbox: Inbox
  /** What has come and waits for its turn. */
  #packets: Packet[] = []
  #waiting = false
  #told: number
  #telling: NodeJS.Timeout | undefined

  constructor(socket: Socket, inbox: Inbox) {
    this.#socket = socket
    this.#inbox = inbox
    this.#told = inbox.taken
    socket.once('close', () => clearTimeout(this.#telling))
  }

  /** Takes a packet after those that came before. What one that cannot be understood throws closes the connection. */
  push(packet: Packet): void {
    this.#packets.push(packet)
  }

  /** Handles what has come. */
  pump(): void {
    if (this.#waiting) return
    const packets = this.#packets
    let answered = false
    for (let i = 0; i < packets.length; i++) {
      const packet = packets[i]!
      // A newer connection has begun with what this one had not taken by then.
      if (this.#socket.destroyed) return
      if (answered && !isAnswer(packet)) {
        this.#packets = packets.slice(i)
        this.#wait()
        return
      }
      this.#take(packet)
      answered = isAnswer(packet)
    }
    this.#packets = []
    this.#tellSoon()
    if (answered) this.#wait()
  }

  close(): void {
    this.#socket.destroy()
  }

  /**
   * After answers: whoever waits for them goes on before the next frame is handled, as if that had come alone. All of what follows from an
   * answer runs in microtasks, and those before the next tick.
   */
  #wait(): void {
    this.#waiting = true
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#waiting = false
        try {
          this.pump()
        } catch (error) {
          this.#socket.destroy(error as Error)
        }
      }),
    )
  }

  #take(packet: Packet): void {
    const inbox = this.#inbox
    switch (packet.kind) {
      case KIND.request:
      case KIND.notify: {
        const frame = packet.fields
        if (typeof frame.op !== 'string') throw new MalformedError('a frame without an operation')
        const number = ++inbox.taken
        if (packet.kind === KIND.request) inbox.request(frame as Frame, number)
        else inbox.notify(frame as Frame)
        return
      }
      case KIND.answer:
      case KIND.failure: {
        const answer = packet.kind === KIND.answer ? packet.answer : undefined
        const { number } = packet
        inbox.taken++
        inbox.answered(number, answer)
        return
      }
      default:
        throw new MalformedError('a packet is of no known kind')
    }
  }

  #tellSoon(): void {
    const untold = this.#inbox.taken - this.#told
    if (untold === 0) return
    if (untold >= TELL_FRAMES) this.#tell()
    else this.#telling ??= setTimeout(() => this.#tell(), TELL_MS).unref()
  }

  #tell(): void {
    clearTimeout(this.#telling)
    this.#telling = undefined
    this.#told = this.#inbox.taken
    if (!this.#socket.destroyed) this.#socket.write(packNumber(KIND.taken, this.#told))
  }
}

/** Whether somebody waits for it. */
function isAnswer({ kind }: Packet): boolean {
  return kind === KIND.answer || kind === KIND.failure
}
