import { type Transferable, Worker } from 'node:worker_threads'
import { StorageError } from '../types.ts'

/** V8 reserves little and grows to this; the threads hold some MiB of messages and caches. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 256 }

/** A worker thread that is told `In` and tells `Out`. */
export class Thread<In, Out> {
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #closing = false

  /**
   * Starts `./<name>` of this folder (.ts from the sources, .js when built).
   * `onFailure` is called at most once, when the thread ends although nobody closed it.
   */
  constructor(
    name: 'writer' | 'reader' | 'caretaker',
    data: unknown,
    onMessage: (message: Out) => void,
    onFailure: (error: StorageError) => void,
  ) {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
    this.#worker = new Worker(new URL(`./${name}${extension}`, import.meta.url), {
      name: `storage-${name}`,
      workerData: data,
      resourceLimits: RESOURCE_LIMITS,
      // Options of the process (`--eval`, `--import` ...) are not meant for these threads.
      execArgv: [],
    })
    let cause: unknown
    this.#worker.on('message', onMessage)
    this.#worker.on('error', error => {
      cause = error
    })
    this.#ended = new Promise(resolve => {
      this.#worker.on('exit', () => {
        if (!this.#closing)
          onFailure(new StorageError('unavailable', `the ${name} thread has stopped`, { cause }))
        resolve()
      })
    })
  }

  post(message: In, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  /** Sends the last message and waits for the thread to end by itself. */
  close(last: In): Promise<void> {
    this.#closing = true
    this.post(last)
    return this.#ended
  }
}
