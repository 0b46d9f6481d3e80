import { Duplex } from 'node:stream'

/** Most bytes of one answer, save that what was written in one piece stays in one. */
const ANSWER_BYTES = 256 * 1024

type Done = (error?: Error) => void

/**
 * What stands where other connections have a socket: elements that are written wait here until an answer takes them along. So the
 * outbox of a client that does not ask fills up like that of one that does not read.
 */
export class Payloads extends Duplex {
  readonly #written: () => void
  readonly #destroyed: () => void
  #first: Buffer | undefined
  #done: Done | undefined
  #collecting = false

  /** `written` is called when there is something, `destroyed` when there will be nothing any more. */
  constructor(written: () => void, destroyed: () => void) {
    super({ decodeStrings: true })
    this.#written = written
    this.#destroyed = destroyed
  }

  /** Whether there is something. */
  get waiting(): boolean {
    return this.#first !== undefined && this.#first.length > 0
  }

  /** Takes what is there, or as much of it as an answer may hold. */
  collect(): Buffer {
    const parts: Buffer[] = []
    let bytes = 0
    this.#collecting = true
    while (this.#first !== undefined && bytes < ANSWER_BYTES) {
      const done = this.#done
      parts.push(this.#first)
      bytes += this.#first.length
      this.#first = undefined
      // May write the next one.
      done?.()
    }
    this.#collecting = false
    return Buffer.concat(parts)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    // How a stream begins has no bytes here, and must not be in the way.
    if (chunk.length === 0) return void done()
    this.#first = chunk
    this.#done = done
    // The stream may end in this very moment, and that goes into the same answer.
    if (!this.#collecting) queueMicrotask(this.#written)
  }

  /** What comes from the client is told to its connection, not read from here. */
  override _read(): void {}

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#destroyed()
    done(error)
  }
}
