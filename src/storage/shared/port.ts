import type { Socket } from 'node:net'
import type { Cell, CellReader, Payloads } from '../cells.ts'
import type { Committed, Engine, HistoryQuery, Operation } from '../engine.ts'
import { type Ephemeral, type KeyRange, StorageError } from '../types.ts'
import type { Answers } from './calls.ts'
import { readCommit, writeCommitted } from './commit-cells.ts'
import { writeHistory, writeRows } from './page-cells.ts'
import { fromText, toText } from './plain.ts'
import { ASK, type Calls, SAYS } from './protocol.ts'
import { Wire } from './wire.ts'

/** What a client is served with. */
export interface Served {
  readonly engine: Engine
  readonly ephemeral: Ephemeral
  readonly answers: Answers
}

/** One client of the storage process. */
export class StoragePort {
  /** Takes what the client tells, in order with its commits. */
  onTold: (text: string) => void = () => {}
  /** Whether the client may write to the archives of an owner (a bare JID's text). A commit that does all the same is refused as `unavailable`. */
  mayWrite: (owner: string) => boolean = () => true
  /** Resolves when the client has gone and all that it had sent is stored or refused. */
  readonly gone: Promise<void>
  readonly #served: Served
  readonly #wire: Wire
  readonly #idle = Promise.withResolvers<void>()
  #underWay = 0
  #ended = false
  #pressed = false

  constructor(socket: Socket, served: Served) {
    this.#served = served
    this.gone = this.#idle.promise
    this.#wire = new Wire(socket, {
      waits: true,
      take: cells => this.#take(cells),
      ended: () => {
        this.#ended = true
        this.#settle()
      },
    })
  }

  /** Tells the client something, in order with its answers. */
  tell(text: string): void {
    this.#wire.say(0, SAYS.tell, text)
  }

  /** Says what is left to say, and lets the client go. */
  end(): void {
    this.#wire.end()
  }

  #take(cells: CellReader): void {
    while (cells.more) {
      const number = cells.number()
      const ask = cells.number()
      if (ask === ASK.tell) this.onTold(cells.text())
      else if (ask === ASK.commit) this.#answer(number, this.#commit(readCommit(cells)), writeCommitted)
      else this.#ask(number, ask, cells)
    }
    this.#press()
  }

  #ask(number: number, ask: number, cells: CellReader): void {
    const { engine, ephemeral } = this.#served
    switch (ask) {
      case ASK.swap: {
        const row = [cells.text(), cells.text(), cells.text()] as const
        const swapped = engine.swap(...row, cells.optional<string>(), cells.optional<string>())
        this.#answer(number, swapped, writeTruth)
        break
      }
      case ASK.get:
        this.#answer(number, engine.get(cells.text(), cells.text(), cells.text()), writeText)
        break
      case ASK.page: {
        const [table, owner, limit] = [cells.text(), cells.text(), cells.number()]
        const range = fromText(cells.text()) as KeyRange
        this.#answer(number, engine.page(table, owner, range, limit), writeRows)
        break
      }
      case ASK.history: {
        const [archive, owner] = [cells.text(), cells.text()]
        const query = fromText(cells.text()) as HistoryQuery
        this.#answer(number, engine.history(archive, owner, query), writeHistory)
        break
      }
      case ASK.take:
        this.#answer(number, ephemeral.take(cells.text(), cells.number(), cells.number()), writeTruth)
        break
      case ASK.call:
        this.#answer(number, this.#call(cells.text() as keyof Calls, fromText(cells.text())), writeValue)
        break
      default:
        throw new TypeError('a question of no known kind')
    }
  }

  /**
   * ARCHITECTURE §9: a former home brings nothing into an archive any more. Rows are not asked about: the worker that has a client's
   * connection, and not its home, stores how much of what it sent has been handled, for one.
   */
  #commit(operations: readonly Operation[]): Promise<Committed> {
    for (const { kind, owner } of operations)
      if ((kind === 'append' || kind === 'replace') && !this.mayWrite(owner))
        return Promise.reject(
          new StorageError('unavailable', 'the slot of this owner is not held by this process'),
        )
    return this.#served.engine.commit(operations)
  }

  #call(name: keyof Calls, args: unknown): Promise<unknown> {
    const call = this.#served.answers[name] as (...args: readonly unknown[]) => Promise<unknown>
    return call(...(args as readonly unknown[]))
  }

  #answer<T>(
    number: number,
    answer: Promise<T>,
    write: (value: T, cells: Cell[], payloads: Payloads) => void,
  ): void {
    this.#underWay++
    answer.then(
      value => {
        const { out, payloads } = this.#wire
        out.push(number, SAYS.done)
        write(value, out, payloads)
        this.#answered()
      },
      (error: unknown) => {
        const { code, message } = storageError(error)
        this.#wire.say(number, SAYS.failed, code, message)
        this.#answered()
      },
    )
  }

  #answered(): void {
    this.#underWay--
    this.#settle()
  }

  #settle(): void {
    if (this.#ended && this.#underWay === 0) this.#idle.resolve()
  }

  /** Passes on that there is no room, once; and when there is some again. */
  #press(): void {
    const relief = this.#pressed ? undefined : this.#served.engine.pressure()
    if (relief === undefined) return
    this.#pressed = true
    this.#wire.say(0, SAYS.pressure, 1)
    void relief.then(() => {
      this.#pressed = false
      this.#wire.say(0, SAYS.pressure, 0)
    })
  }
}

function writeTruth(truth: boolean, cells: Cell[]): void {
  cells.push(truth ? 1 : 0)
}

function writeText(text: string | undefined, cells: Cell[]): void {
  cells.push(text ?? null)
}

function writeValue(value: unknown, cells: Cell[]): void {
  cells.push(toText(value))
}

function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  return new StorageError('unavailable', 'a fault in the storage process', { cause: error })
}
