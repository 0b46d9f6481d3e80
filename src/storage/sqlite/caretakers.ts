import { StorageError } from '../types.ts'
import type { Care, FromCaretaker } from './caretaker-message.ts'
import { fromPlain } from './errors.ts'
import { Thread } from './thread.ts'

/** The caretaker threads of a storage: one for each long look at the whole, none of them shared with commits or questions. */
export class Caretakers {
  readonly #folder: string
  readonly #working = new Map<Thread<'close', FromCaretaker>, (error: StorageError) => void>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Has it done; resolves with what was found. */
  async run(care: Care): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<FromCaretaker>()
    const data = { folder: this.#folder, care }
    const thread = new Thread<'close', FromCaretaker>('caretaker', data, resolve, reject)
    this.#working.set(thread, reject)
    try {
      const answer = await promise
      if ('error' in answer) throw fromPlain(answer.error)
      return answer.findings
    } finally {
      // Taken out by `close()`, it is ended there.
      if (this.#working.delete(thread)) await thread.close('close')
    }
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    const working = [...this.#working]
    this.#working.clear()
    for (const [, reject] of working) reject(new StorageError('closed', 'the storage was closed'))
    await Promise.all(working.map(([thread]) => thread.close('close')))
  }
}
