/**
 * What goes over a socket between the storage process and its clients: packets of cells (../cells.ts). A packet is two lengths (4 bytes each,
 * big-endian), the cells as JSON, and the payloads.
 */
import { type Cell, CellReader, type Payloads } from '../cells.ts'

const HEAD = 8

/** Packs cells and their payloads, which are copied once. */
export function pack(cells: readonly Cell[], payloads: Payloads): Buffer {
  const text = JSON.stringify(cells)
  const length = Buffer.byteLength(text)
  const packet = Buffer.allocUnsafe(HEAD + length + payloads.length)
  packet.writeUInt32BE(length, 0)
  packet.writeUInt32BE(payloads.length, 4)
  packet.utf8Write(text, HEAD)
  payloads.copyTo(packet, HEAD + length)
  return packet
}

/** Puts the packets of a stream together. */
export class PacketReader {
  #chunks: Buffer[] = []
  #length = 0
  /** Bytes until the next packet, or its lengths, are there. */
  #wanted = HEAD

  /** Takes some bytes, and gives the packets that are whole to `use`. Their payloads share the memory of the chunks. Throws what is no packet. */
  take(chunk: Buffer, use: (cells: CellReader) => void): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    while (this.#length >= this.#wanted) {
      const bytes = this.#joined()
      const cells = bytes.readUInt32BE(0)
      this.#wanted = HEAD + cells + bytes.readUInt32BE(4)
      if (this.#length < this.#wanted) return
      const packet = bytes.subarray(0, this.#wanted)
      this.#rest(bytes.subarray(this.#wanted))
      const text = packet.utf8Slice(HEAD, HEAD + cells)
      use(new CellReader(JSON.parse(text) as Cell[], packet.subarray(HEAD + cells)))
    }
  }

  #joined(): Buffer {
    const [first] = this.#chunks
    if (this.#chunks.length === 1) return first as Buffer
    const bytes = Buffer.concat(this.#chunks)
    this.#chunks = [bytes]
    return bytes
  }

  #rest(bytes: Buffer): void {
    this.#chunks = bytes.length === 0 ? [] : [bytes]
    this.#length = bytes.length
    this.#wanted = HEAD
  }
}
