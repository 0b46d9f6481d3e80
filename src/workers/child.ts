import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { socketAddress } from '../cli/control/socket-path.ts'
import type { Clock } from '../core/clock.ts'
import { TidingsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Ports } from '../listen.ts'
import type { OfSupervisor, OfWorker, Serving } from './asks.ts'
import { type Answers, Peer } from './peer.ts'

/** A worker that ended is started again after so long, ms; each time twice as long, up to the last. One that lived for a minute had a good start. */
const FIRST_PAUSE = 100
const LAST_PAUSE = 30_000
const GOOD = 60_000
/** A worker that has not ended after so long, ms, is ended. */
const STUCK_MS = 35_000

/** What a worker is started with. */
export interface ChildOptions {
  readonly number: number
  /** Where sockets lie. */
  readonly folder: string
  /** The address of the storage process. */
  readonly storage: string
  readonly secret: string
  /** See `Assignment`. */
  readonly relays: readonly string[]
  readonly log: Log
  readonly clock: Clock
  /** What workers ask for in the name of an operator. */
  readonly answers: Answers<OfSupervisor>
}

/** One worker: started, started again whenever it ends, and ended. */
export class Child {
  /** Its number as a label. */
  readonly name: string
  restarts = 0
  readonly #options: ChildOptions
  readonly #ended = Promise.withResolvers<void>()
  #node = ''
  #process: ChildProcess | undefined
  #peer: Peer<OfWorker, OfSupervisor> | undefined
  #serves = false
  #stopping = false
  #pause = FIRST_PAUSE
  #ports: Ports | undefined
  #again: { cancel(): void } | undefined

  constructor(options: ChildOptions) {
    this.#options = options
    this.name = String(options.number)
  }

  /** Starts it at these ports. Rejects with the TidingsError of the worker; then it is not started again. */
  async start(ports: Ports | undefined): Promise<Serving> {
    try {
      const serving = await this.#launch(ports)
      this.#ports = serving.ports
      return serving
    } catch (error) {
      this.#stopping = true
      throw error
    }
  }

  /** Whether it serves clients. */
  get serves(): boolean {
    return this.#serves
  }

  /** Its present name in the cluster. */
  get node(): string {
    return this.#node
  }

  /** Asks it. Rejects with a TidingsError, also when it ends. */
  async ask<N extends keyof OfWorker>(name: N, ask: OfWorker[N]['ask']): Promise<OfWorker[N]['answer']> {
    if (this.#peer === undefined) throw gone(this.name)
    return this.#peer.ask(name, ask)
  }

  /** Ends it, in order if it can. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#again?.cancel()
    const child = this.#process
    if (child === undefined) return
    child.kill('SIGTERM')
    const stuck = this.#options.clock.after(STUCK_MS, () => child.kill('SIGKILL'))
    await this.#ended.promise
    stuck.cancel()
  }

  async #launch(ports: Ports | undefined): Promise<Serving> {
    const { number, folder, storage, secret, relays, answers } = this.#options
    this.#node = `${number}-${randomBytes(6).toString('hex')}`
    const child = fork(process.argv[1]!, process.argv.slice(2), {
      // cli/start.ts looks at it.
      env: { ...process.env, TIDINGS_WORKER: this.name },
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#process = child
    const peer = new Peer<OfWorker, OfSupervisor>(child, answers)
    this.#peer = peer
    const began = this.#options.clock.monotonic()
    child.on('exit', (code, signal) => this.#exited(began, signal ?? String(code)))
    // What is sent to one that has just ended: its exit tells whoever asks.
    child.on('error', err => this.#options.log.debug({ err, worker: this.name }, 'a worker was not reached'))
    const path = join(folder, `${this.name}.sock`)
    await rm(path, { force: true })
    if (this.#peer !== peer) throw gone(this.name)
    const links = socketAddress(path)
    const of = { number, node: this.#node, storage, links, relays, secret, ports }
    const serving = await peer.ask('start', of)
    this.#serves = true
    return serving
  }

  #exited(began: number, how: string): void {
    const { log, clock } = this.#options
    const served = this.#serves
    this.#serves = false
    this.#process = undefined
    this.#peer?.end(gone(this.name))
    this.#peer = undefined
    if (this.#stopping) {
      this.#ended.resolve()
      return
    }
    // The first start of all is the server's: whoever waits for it decides.
    if (!served && this.#ports === undefined) return
    if (clock.monotonic() - began > GOOD) this.#pause = FIRST_PAUSE
    this.restarts++
    log.error(
      { code: 'TIDINGS_WORKER_ENDED', worker: this.name, how, restarts: this.restarts, again: this.#pause },
      'a worker ended; it is started again',
    )
    this.#again = clock.after(this.#pause, () => void this.#restart())
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE)
  }

  async #restart(): Promise<void> {
    try {
      await this.#launch(this.#ports)
    } catch (err) {
      // It ends, and is started again.
      this.#options.log.error(
        { code: 'TIDINGS_WORKER_FAILED', worker: this.name, err },
        'a worker did not start',
      )
    }
  }
}

function gone(name: string): TidingsError {
  return new TidingsError('TIDINGS_WORKER_ENDED', `worker ${name} has ended; the log says more`)
}
