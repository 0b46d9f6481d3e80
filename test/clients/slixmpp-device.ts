/** A device of a user, with slixmpp: a process that slixmpp-device.py runs. What it has seen is told as it came, nothing left out. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Test } from 'tap'
import { within } from './chat-client.ts'
import { PYTHON } from './slixmpp.ts'

const DRIVER = join(import.meta.dirname, 'slixmpp-device.py')

/** A message as a device saw it. */
export interface Seen {
  /** By itself, in a carbon of what another device sent or received, or as a result of a query. */
  readonly how: 'live' | 'sent' | 'received' | 'archive'
  /** The ids that the user's own archive gave it: one, where it is archived. */
  readonly archived: readonly string[]
  readonly id: string
  readonly sender: string
  readonly body: string
  /** `id` of the message that this one corrects (XEP-0308), and of the one that it retracts (XEP-0424). */
  readonly replaces: string | null
  readonly retracts: string | null
  /** Of a tombstone: `id` of the retraction. */
  readonly retracted: string | null
  readonly delayed: string | null
}

/** A message to send. */
export interface Outgoing {
  readonly to: string
  readonly id: string
  readonly body: string
  readonly replaces?: string
  readonly retracts?: string
}

/** Every order resolves when slixmpp has done its part of it. */
export class Device {
  readonly seen: Seen[] = []
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #session = Promise.withResolvers<void>()
  readonly #done: (() => void)[] = []
  readonly #ended = Promise.withResolvers<void>()
  /** Rejects when the process has ended. */
  readonly #gone = this.#ended.promise.then(() => {
    throw new Error('slixmpp has ended')
  })

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child
    child.once('exit', this.#ended.resolve)
    this.#gone.catch(() => {})
    createInterface(child.stdout).on('line', line => this.#take(JSON.parse(line)))
  }

  /** Signs in as `user@localhost`, password `secret`; says nothing yet. Gone with the test. */
  static async connect(t: Test, port: number, user: string, resource: string): Promise<Device> {
    const args = [DRIVER, `${user}@localhost/${resource}`, 'secret', String(port)]
    const child = spawn(PYTHON, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(() => child.kill())
    const device = new Device(child)
    await within(Promise.race([device.#session.promise, device.#gone]), 'slixmpp to sign in')
    return device
  }

  /** Available presence. */
  presence(): Promise<void> {
    return this.#order('presence')
  }

  carbons(): Promise<void> {
    return this.#order('carbons')
  }

  send(message: Outgoing): Promise<void> {
    return this.#order('send', message)
  }

  /** Fetches what the archive holds after this id, or all of it. */
  fetch(after?: string): Promise<void> {
    return this.#order('fetch', { after })
  }

  /** Waits until the server has handled all that was sent, and all that it sent before is here. */
  settle(): Promise<void> {
    return this.#order('settle')
  }

  async close(): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify({ order: 'close' })}\n`)
    await within(this.#ended.promise, 'slixmpp to disconnect')
  }

  #order(order: string, details: object = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#done.push(resolve)
    this.#child.stdin.write(`${JSON.stringify({ order, ...details })}\n`)
    return Promise.race([promise, this.#gone])
  }

  #take({ event, ...details }: { event: string }): void {
    if (event === 'session') this.#session.resolve()
    else if (event === 'done') this.#done.shift()?.()
    else this.seen.push(details as Seen)
  }
}
