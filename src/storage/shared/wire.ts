import type { Socket } from 'node:net'
import { type Cell, type CellReader, Payloads } from '../cells.ts'
import { PacketReader, pack } from './packet.ts'

/** Who is at this end of a wire. */
interface WireEnd {
  /** Whether to take nothing while the other side does not read what it is told. One end at most, or both might wait for each other. */
  readonly waits: boolean
  /** A packet has come. What it throws ends the wire. */
  take(cells: CellReader): void
  /** The wire has ended, by whomever; all that the other side had sent has been taken. `error`: why, if it broke. */
  ended(error: Error | undefined): void
}

/** A socket that carries packets. What is said in a tick goes as one packet, in one write. */
export class Wire {
  readonly #socket: Socket
  readonly #waits: boolean
  #cells: Cell[] = []
  #payloads = new Payloads()

  constructor(socket: Socket, end: WireEnd) {
    this.#socket = socket
    this.#waits = end.waits
    const reader = new PacketReader()
    let trouble: Error | undefined
    socket.on('data', chunk => {
      try {
        reader.take(chunk as Buffer, cells => end.take(cells))
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
    socket.on('error', error => {
      trouble = error
    })
    socket.on('close', () => end.ended(trouble))
    socket.on('drain', () => socket.resume())
  }

  /** Says something: cells that belong together. */
  say(...cells: readonly Cell[]): void {
    const { out } = this
    for (const cell of cells) out.push(cell)
  }

  /** The cells of this tick, to be added to. */
  get out(): Cell[] {
    if (this.#cells.length === 0) setImmediate(() => this.#flush())
    return this.#cells
  }

  /** The payloads of this tick. */
  get payloads(): Payloads {
    return this.#payloads
  }

  /** Says what is left to say, and ends. */
  end(): void {
    this.#flush()
    this.#socket.end()
  }

  /** Ends at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  #flush(): void {
    const cells = this.#cells
    const payloads = this.#payloads
    if (cells.length === 0) return
    this.#cells = []
    this.#payloads = new Payloads()
    if (!this.#socket.writable) return
    if (!this.#socket.write(pack(cells, payloads)) && this.#waits) this.#socket.pause()
  }
}
