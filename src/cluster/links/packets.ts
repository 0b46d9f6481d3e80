/** What goes over a link: packets, each a length (4 bytes, of what follows), a kind (1 byte) and its content. */
import type { Answer, Frame, FrameValue } from '../types.ts'
import { MalformedError, readFields, sizeOf, writeFields } from './fields.ts'

/** The kinds of packets. Numbers in them have 6 bytes. */
export const KIND = {
  /** Fields: what the two say before any frame (handshake.ts). */
  greeting: 1,
  /** Fields: a frame that wants an answer. */
  request: 2,
  /** Fields: a frame that wants none. */
  notify: 3,
  /** The number of the request, fields. */
  answer: 4,
  /** The number of a request that could not be handled. */
  failure: 5,
  /** The number of the last frame that has been taken. */
  taken: 6,
} as const

/** Bytes of a packet before its content. */
const HEAD = 5
const NUMBER = 6

/** Most bytes of a packet once the other side is known. A frame above that is refused where it is sent. */
export const MOST_BYTES = 64 * 1024 * 1024

/** A packet of fields. */
export function packFields(
  kind: typeof KIND.greeting | typeof KIND.request | typeof KIND.notify,
  fields: Frame | Answer,
): Buffer {
  const packet = start(kind, sizeOf(fields))
  writeFields(fields, packet, HEAD)
  return packet
}

/** The answer to a request. */
export function packAnswer(number: number, answer: Answer): Buffer {
  const packet = start(KIND.answer, NUMBER + sizeOf(answer))
  packet.writeUIntBE(number, HEAD, NUMBER)
  writeFields(answer, packet, HEAD + NUMBER)
  return packet
}

/** A packet of a number alone. */
export function packNumber(kind: typeof KIND.failure | typeof KIND.taken, number: number): Buffer {
  const packet = start(kind, NUMBER)
  packet.writeUIntBE(number, HEAD, NUMBER)
  return packet
}

function start(kind: number, content: number): Buffer {
  const packet = Buffer.allocUnsafe(HEAD + content)
  packet.writeUInt32BE(1 + content, 0)
  packet[4] = kind
  return packet
}

/** A packet that came: where it is in a chunk of bytes, which must not change any more. */
export class Packet {
  readonly kind: number
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number

  /** `start`: where its kind is. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.kind = bytes[start]!
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  get fields(): Record<string, FrameValue> {
    return readFields(this.#bytes, this.#start + 1, this.#end)
  }

  /** Of an answer, a failure or what was taken. */
  get number(): number {
    const at = this.#start + 1
    if (this.#end < at + NUMBER) throw new MalformedError('a number is cut')
    return this.#bytes.readUIntBE(at, NUMBER)
  }

  /** The fields of an answer. */
  get answer(): Answer {
    return readFields(this.#bytes, this.#start + 1 + NUMBER, this.#end)
  }
}

/** Cuts what comes into packets. */
export class PacketReader {
  /** Most bytes of a packet; a longer one throws. */
  most: number
  /** The beginning of a packet that is not whole, and how many bytes it has to have before it is looked at again. */
  #held: Buffer[] = []
  #heldBytes = 0
  #wanted = 4

  constructor(most: number) {
    this.most = most
  }

  /** Takes bytes and gives each whole packet in turn. Throws a MalformedError; nothing may follow that. */
  push(chunk: Buffer, take: (packet: Packet) => void): void {
    let bytes = chunk
    if (this.#heldBytes > 0) {
      this.#held.push(chunk)
      this.#heldBytes += chunk.length
      if (this.#heldBytes < this.#wanted) return
      bytes = Buffer.concat(this.#held, this.#heldBytes)
    }
    let at = 0
    this.#wanted = 4
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at)
      if (length < 1 || length > this.most) throw new MalformedError('a packet has no such length')
      this.#wanted = 4 + length
      if (bytes.length - at < this.#wanted) break
      take(new Packet(bytes, at + 4, at + this.#wanted))
      at += this.#wanted
      this.#wanted = 4
    }
    // A copy: what comes next may be long in coming, and the rest of the chunk need not wait for it.
    this.#held = at < bytes.length ? [Buffer.from(bytes.subarray(at))] : []
    this.#heldBytes = bytes.length - at
  }
}
