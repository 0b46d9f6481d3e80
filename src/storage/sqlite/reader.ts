/** The reader thread: reads snapshots, so that no page and no export ever waits for a commit, or a commit for them. */
import { parentPort, type Transferable, workerData } from 'node:worker_threads'
import { Reader } from './reader-core.ts'
import type { Answer, FromReader, ReaderData, ToReader } from './reader-message.ts'

const port = parentPort!
const reader = new Reader((workerData as ReaderData).folder)

port.on('message', (message: ToReader) => {
  if (message === 'close') {
    reader.close()
    port.close()
    return
  }
  const answers = reader.answer(message, answer => tell([answer], buffersOf(answer)))
  if (answers.length > 0) tell(answers)
})

function tell(answers: FromReader, transfer: Transferable[] = []): void {
  port.postMessage(answers, transfer)
}

/** Handed over instead of copied. */
function buffersOf({ answer }: Answer): ArrayBuffer[] {
  return typeof answer === 'object' && 'bytes' in answer ? [answer.bytes.buffer] : []
}
