import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

const SIZE = 256 * 1024
/** What is longer gets memory of its own. */
const MOST = SIZE / 4

/** What leaves in one piece: bytes, and text that is written for one connection alone. */
export type Piece = Buffer | string

/**
 * Memory in which what leaves is put together. A plain socket that has sent all of it at once, as is the rule, gives it back: what a room says
 * to hundreds would else be new memory for each of them, and V8 collects all objects for every few MiB of that.
 */
export class Slab {
  #memory = Buffer.alloc(0)
  #used = 0

  /** Writes pieces of so many bytes to a socket. */
  write(socket: Duplex, pieces: readonly Piece[], length: number): void {
    const first = pieces[0]
    if (pieces.length === 1 && typeof first === 'object') socket.write(first)
    else if (length > MOST) socket.write(joined(Buffer.allocUnsafeSlow(length), pieces, 0))
    else {
      if (this.#used + length > this.#memory.length) {
        this.#memory = Buffer.allocUnsafeSlow(SIZE)
        this.#used = 0
      }
      const bytes = joined(this.#memory, pieces, this.#used)
      socket.write(bytes)
      if (!hasSent(socket)) this.#used += length
    }
  }
}

/** Whether nobody holds what was written last: TLS and pipes of other kinds may keep it for a while. */
function hasSent(socket: Duplex): boolean {
  return socket.writableLength === 0 && socket instanceof Socket && !(socket instanceof TLSSocket)
}

/** The pieces, one after the other, in `memory` from some place on. */
function joined(memory: Buffer, pieces: readonly Piece[], start: number): Buffer {
  let at = start
  for (const piece of pieces)
    if (typeof piece === 'string') at += memory.utf8Write(piece, at)
    else {
      memory.set(piece, at)
      at += piece.length
    }
  return memory.subarray(start, at)
}
