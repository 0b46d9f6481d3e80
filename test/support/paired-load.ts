/** Pairs of users of whom one writes to the other as fast as is acknowledged, whatever happens to the server meanwhile; and how their messages have fared. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { count, type Losses, NONE } from '../faults/loss-count.ts'
import { type Coming, CountingClient } from './counting-client.ts'

/** Messages without an acknowledgement, per sender. */
const OPEN = 20
/** Pause after a connection that came to nothing, ms. */
const AGAIN_MS = 20
/** A guard for what senders wait for, on a machine that has a lot to do, ms. */
const DEADLINE = 120_000
/** How long recipients may take for what has been acknowledged, ms. */
const ARRIVAL_MS = 30_000

/** Who writes, and where. */
export interface LoadOptions {
  readonly pairs: number
  readonly password: string
  /** Where to connect next: asked each time. */
  readonly port: () => number
  /** Pause of a sender between two bursts of messages, ms; none by default. */
  readonly pause?: number
}

/** How all messages have fared since the load was begun. */
export interface Fared extends Losses {
  readonly acknowledged: number
  /** Came back as errors: their senders know. Neither missing nor acknowledged. */
  readonly refused: number
  /** Connections that broke. */
  readonly breaks: number
  /** Of those, sessions that were resumed. */
  readonly resumed: number
  /** The longest time for which a sender that wrote got no acknowledgement, ms. */
  readonly stall: number
}

/** Two who have accounts of their own: `writerN` and `readerN`. */
interface Pair {
  readonly sender: CountingClient
  readonly recipient: CountingClient
  readonly to: string
  readonly sent: string[]
}

/** The users of so many pairs, for whoever makes accounts. */
export function usersOf(pairs: number): string[] {
  return Array.from({ length: pairs }, (_, n) => [`writer${n}`, `reader${n}`]).flat()
}

/**
 * Clients come again whenever their connection breaks: senders resume their sessions; of the recipients each second one does, and fetches its archive
 * where it can't, while the others always come anew and fetch.
 */
export class PairedLoad {
  readonly #pairs: readonly Pair[]
  readonly #pause: number
  #stayers: Promise<void>[] = []
  #writers: Promise<void>[] = []
  #staying = true
  #writing = false
  #breaks = 0
  #resumed = 0
  #stall = 0

  private constructor(pairs: readonly Pair[], pause: number) {
    this.#pairs = pairs
    this.#pause = pause
  }

  /** Connects all; they are gone with the test. */
  static async connect(t: Test, { pairs, password, port, pause = 0 }: LoadOptions): Promise<PairedLoad> {
    const client = (user: string): CountingClient => {
      const made = new CountingClient({ port, user, password, resource: 'r' })
      t.teardown(() => made.drop())
      return made
    }
    const made = Array.from({ length: pairs }, (_, n): Pair => {
      const to = `reader${n}`
      return { sender: client(`writer${n}`), recipient: client(to), to: `${to}@localhost`, sent: [] }
    })
    await Promise.all(
      made.map(async ({ sender, recipient }) => {
        await recipient.connect('fetch')
        await sender.connect('anew')
      }),
    )
    const load = new PairedLoad(made, pause)
    t.teardown(() => load.#end())
    load.#stayers = made.flatMap(({ sender, recipient }, n) => [
      load.#stay(sender, 'resume'),
      load.#stay(recipient, n % 2 === 0 ? 'fetch' : 'resume-or-fetch'),
    ])
    return load
  }

  /** Messages of one pair, or of all, that are acknowledged. */
  acknowledged(pair?: number): number {
    const pairs = pair === undefined ? this.#pairs : [this.#pairs[pair % this.#pairs.length]!]
    return pairs.reduce((sum, { sender }) => sum + sender.acknowledged.size, 0)
  }

  /** All senders begin to write. */
  write(): void {
    this.#writing = true
    this.#writers = this.#pairs.map(pair => this.#write(pair))
  }

  /** Resolves when the sender of a pair, by its number, has so many more acknowledgements. Rejects after `deadline` ms. */
  async progress(pair: number, more: number, deadline = DEADLINE): Promise<void> {
    const { sender } = this.#pairs[pair % this.#pairs.length]!
    const target = sender.acknowledged.size + more
    await sender.until(() => sender.connected && sender.acknowledged.size >= target, deadline)
  }

  /** Resolves when each sender is connected and has so many more acknowledgements than now. Rejects after `deadline` ms. */
  async allProgress(more: number, deadline = DEADLINE): Promise<void> {
    await Promise.all(this.#pairs.map((_, n) => this.progress(n, more, deadline)))
  }

  /** Senders stop, and all that is under way comes to its end. Gives how everything has fared so far. */
  async rest(): Promise<Fared> {
    this.#writing = false
    await Promise.all(this.#writers)
    await Promise.all(this.#pairs.map(({ sender }) => sender.allAcknowledged(DEADLINE)))
    await Promise.all(
      this.#pairs.map(async ({ sender, recipient }) => {
        const lacks = kept(sender)
        let seen = 0
        const all = (): boolean => {
          // What has come while it fetches its archive is shown behind that.
          const { ids } = recipient.shown
          for (; seen < ids.length; seen++) lacks.delete(ids[seen]!)
          return lacks.size === 0
        }
        await recipient.until(all, ARRIVAL_MS).catch(() => {})
      }),
    )
    return this.#fared()
  }

  /** Closes all streams, after a rest. */
  async close(): Promise<void> {
    await this.#end()
    for (const { sender, recipient } of this.#pairs) await Promise.all([sender.close(), recipient.close()])
  }

  async #end(): Promise<void> {
    this.#writing = false
    this.#staying = false
    await Promise.all([...this.#stayers, ...this.#writers])
  }

  async #write({ sender, to, sent }: Pair): Promise<void> {
    let latest = performance.now()
    while (this.#writing) {
      while (sender.connected && sender.open < OPEN) {
        sent.push(String(sent.length))
        sender.send(to, sent.at(-1)!)
      }
      const before = sender.acknowledged.size
      await sender
        .until(() => sender.open < OPEN || !sender.connected || !this.#writing, 1_000)
        .catch(() => {})
      const now = performance.now()
      this.#stall = Math.max(this.#stall, now - latest)
      if (sender.acknowledged.size > before) latest = now
      if (this.#pause > 0 || !sender.connected) await sleep(Math.max(this.#pause, 5))
    }
  }

  async #stay(client: CountingClient, how: Coming): Promise<void> {
    while (this.#staying) {
      if (client.connected) {
        await client.until(() => !client.connected || !this.#staying, 1_000).catch(() => {})
        continue
      }
      this.#breaks++
      // A node that is about to die may take one more.
      const came = await client.connect(how).catch(() => undefined)
      if (came === 'resumed') this.#resumed++
      if (came !== undefined) continue
      client.drop()
      await sleep(AGAIN_MS)
    }
  }

  #fared(): Fared {
    const sum = { ...NONE, acknowledged: 0, refused: 0 }
    for (const { sender, recipient, sent } of this.#pairs) {
      const owed = kept(sender)
      const losses = count(sent, owed, recipient.received, recipient.shown.ids)
      for (const key of ['missing', 'visible', 'raw', 'order'] as const) sum[key] += losses[key]
      sum.acknowledged += owed.size
      sum.refused += new Set(sender.received).size
    }
    return { ...sum, breaks: this.#breaks, resumed: this.#resumed, stall: this.#stall }
  }
}

/** What the server has promised to deliver: acknowledged, and not sent back. */
function kept({ acknowledged, received }: CountingClient): Set<string> {
  const refused = new Set(received)
  return new Set([...acknowledged].filter(id => !refused.has(id)))
}
