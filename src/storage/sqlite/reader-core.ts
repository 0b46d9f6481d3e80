/** What the reader thread does, apart from being a thread. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { ArchiveView } from './archive-view.ts'
import { Background } from './background.ts'
import { openForReading } from './database.ts'
import { toPlain } from './errors.ts'
import { history } from './read-history.ts'
import { RowReader } from './read-rows.ts'
import type { Answer, Reads, Request, RowRequest } from './reader-message.ts'

/** Answers questions, each on a snapshot of the database that holds whatever was committed before the question. */
export class Reader {
  readonly #db: DatabaseSync
  readonly #rows: RowReader
  readonly #view: ArchiveView
  readonly #background: Background
  readonly #begin: StatementSync
  readonly #end: StatementSync

  constructor(folder: string) {
    this.#db = openForReading(folder)
    this.#begin = this.#db.prepare('BEGIN')
    this.#end = this.#db.prepare('COMMIT')
    this.#rows = new RowReader(this.#db)
    this.#view = new ArchiveView(this.#db)
    this.#background = new Background({
      fair: true,
      around: turn =>
        this.#inSnapshot(() => {
          this.#view.refresh()
          turn()
        }),
    })
  }

  /** Answers all but queries of archives, which take their time and answer through `later`. */
  answer(requests: readonly Request[], later: (answer: Answer) => void): Answer[] {
    const rows: RowRequest[] = []
    for (const request of requests) {
      if (request.read === 'history') this.#history(request.number, request.ask, later)
      else rows.push(request)
    }
    return rows.length === 0 ? [] : this.#inSnapshot(() => rows.map(request => this.#rows.answer(request)))
  }

  /** Lets go of the database. */
  close(): void {
    this.#background.stop()
    this.#db.close()
  }

  #history(number: number, ask: Reads['history']['ask'], later: (answer: Answer) => void): void {
    const view = this.#view
    const steps = (function* () {
      later({ number, answer: yield* history(view, ask) })
    })()
    this.#background.run(steps).catch((error: unknown) => later({ number, error: toPlain(error) }))
  }

  #inSnapshot<T>(task: () => T): T {
    this.#begin.run()
    try {
      return task()
    } finally {
      this.#end.run()
    }
  }
}
