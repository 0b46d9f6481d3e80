/** libexpat in a Python child process: a second opinion on documents. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** What libexpat says about a document. */
export interface Opinion {
  /** '' when the document is well-formed. */
  readonly error: string
  /** The root's name: namespace, local name and prefix, \x01 between them. */
  readonly root: string
  /** Levels of elements below the root. */
  readonly depth: number
  /** Elements in the largest child of the root. */
  readonly elements: number
  /** Attributes and declarations of the element with most of them. */
  readonly attributes: number
  /** Bytes of the longest name or prefix. */
  readonly name: number
  /** Names of rules that the document breaks, and facts about its header. */
  readonly flags: ReadonlySet<string>
  /** The trees of the root's children, as expat-oracle.py writes them. */
  readonly trees: readonly string[]
}

/** Asks in batches; the answers come in order. */
export class Expat {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  #received: Buffer = Buffer.alloc(0)
  readonly #waiting: PromiseWithResolvers<Buffer>[] = []

  constructor() {
    const script = fileURLToPath(new URL('expat-oracle.py', import.meta.url))
    this.#child = spawn('python3', ['-u', script], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#child.once('close', code => {
      for (const { reject } of this.#waiting.splice(0))
        reject(new Error(`expat-oracle.py ended with ${code}`))
    })
  }

  /** What libexpat says about each of the documents. */
  async ask(documents: readonly Buffer[]): Promise<Opinion[]> {
    const parts = documents.flatMap(document => [lengthOf(document), document])
    const batch = Buffer.concat(parts)
    const answer = Promise.withResolvers<Buffer>()
    this.#waiting.push(answer)
    this.#child.stdin.write(Buffer.concat([lengthOf(batch), batch]))
    return opinions(await answer.promise)
  }

  /** Ends the child process. */
  async close(): Promise<void> {
    const gone = new Promise(resolve => this.#child.once('close', resolve))
    this.#child.stdin.end()
    await gone
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readUInt32LE(0)
      if (this.#received.length < end) return
      this.#waiting.shift()?.resolve(this.#received.subarray(4, end))
      this.#received = this.#received.subarray(end)
    }
  }
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return length
}

function opinions(batch: Buffer): Opinion[] {
  const found: Opinion[] = []
  for (let at = 0; at < batch.length; ) {
    const length = batch.readUInt32LE(at)
    found.push(opinion(batch.toString('utf8', at + 4, at + 4 + length)))
    at += 4 + length
  }
  return found
}

function opinion(text: string): Opinion {
  const [facts = '', ...trees] = text.split('\x08')
  const [error = '', root = '', depth, elements, attributes, name, ...flags] = facts.split('\x03')
  return {
    error,
    root,
    depth: Number(depth),
    elements: Number(elements),
    attributes: Number(attributes),
    name: Number(name),
    flags: new Set(flags),
    trees,
  }
}
