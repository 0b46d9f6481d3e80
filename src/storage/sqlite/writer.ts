/** The writer thread: owns the folder and everything that changes in it. */
import { parentPort, workerData } from 'node:worker_threads'
import { collectGarbage } from '../../v8.ts'
import { toPlain } from './errors.ts'
import { packOutcomes } from './group-outcomes.ts'
import { Writer } from './writer-core.ts'
import type { FromWriter, ToWriter, WriterData } from './writer-message.ts'

const port = parentPort!
const tell = (message: FromWriter) => port.postMessage(message)

try {
  const writer = new Writer(workerData as WriterData, problem =>
    tell({ kind: 'problem', error: toPlain(problem) }),
  )
  port.on('message', (message: ToWriter) => {
    if (message.kind === 'group') tell({ kind: 'group', outcomes: packOutcomes(writer.write(message)) })
    else if (message.kind === 'read') tell({ kind: 'answers', answers: writer.read(message.requests) })
    else if (message.kind === 'job') answer(message.number, writer.work(message.job))
    else {
      writer.close()
      port.close()
    }
  })
  tell({ kind: 'ready', tables: writer.tables() })
  // While the server opens its listeners: nothing is written yet.
  collectGarbage()
} catch (error) {
  tell({ kind: 'failed', error: toPlain(error) })
}

function answer(number: number, work: Promise<void>): void {
  work.then(
    () => tell({ kind: 'job', number, error: undefined }),
    (error: unknown) => tell({ kind: 'job', number, error: toPlain(error) }),
  )
}
