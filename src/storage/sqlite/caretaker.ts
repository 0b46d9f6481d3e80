/** The caretaker thread: does one thing that takes long, on a connection of its own, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { copyDatabase, verifyFolder } from './caretaker-core.ts'
import type { CaretakerData, FromCaretaker } from './caretaker-message.ts'
import { toPlain } from './errors.ts'

const port = parentPort!
const { folder, care } = workerData as CaretakerData
let stopped = false

port.on('message', () => {
  stopped = true
  port.close()
})

work().then(
  findings => tell({ findings }),
  (error: unknown) => tell({ error: toPlain(error) }),
)

async function work(): Promise<readonly string[]> {
  if (care.task === 'verify') return verifyFolder(folder)
  await copyDatabase(folder, care.to, () => stopped)
  return []
}

function tell(answer: FromCaretaker): void {
  port.postMessage(answer)
}
