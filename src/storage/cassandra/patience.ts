import { setTimeout as delay } from 'node:timers/promises'
import { mayPass, storageError } from './errors.ts'

/** Between two attempts, ms: doubled each time. */
const FIRST_PAUSE = 20
const LONGEST_PAUSE = 1_000

/** Tries again what may succeed a moment later, for so many ms; rejects with a StorageError. */
export async function patiently<T>(ms: number, attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + ms
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      return await attempt()
    } catch (error) {
      if (!mayPass(error) || performance.now() + pause > end) throw storageError(error)
    }
    await delay(pause)
  }
}
