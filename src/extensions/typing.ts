/** XEP-0085: Chat State Notifications: whoever types and falls silent has paused, also if nobody is left to say so. */
import type { Timer } from '../core/clock.ts'
import { defineExtension, SIDES, type StageContext, stage } from '../core/extension.ts'
import type { Host } from '../core/host.ts'
import { attempt, then } from '../core/maybe.ts'
import { option } from '../core/options.ts'
import type { Side } from '../core/stage.ts'
import { xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import { Stanza } from '../xml/stanza.ts'

const SECOND_MS = 1_000

export default defineExtension({
  name: 'typing',
  doc: 'Ends "is typing" where the one who types falls silent, or vanishes',
  xeps: [{ xep: 85, version: '2.1', status: 'complete', note: 'ended after a silence' }],
  options: {
    seconds: option.integer({
      doc: 'How long somebody types without a further word until the others are told that this has paused',
      default: 10,
      min: 5,
      max: 600,
      unit: 'seconds',
      live: true,
    }),
  },
  setup(host, options) {
    const typing = new Typing(host, () => options.seconds * SECOND_MS)
    return {
      stages: SIDES.map(side =>
        stage('copy', { kind: 'message', side }, (message, at) => typing.heard(message, at)),
      ),
      moving: {
        owners: () => typing.owners,
        pack: owner => typing.pack(owner),
        unpack: (_, packed) => typing.unpack(packed as PackedTyping[]),
        forget: which => typing.drop(which),
      },
      stop: () => typing.stop(),
    }
  },
})

/** Somebody who is typing. */
interface Composing {
  readonly message: Stanza
  readonly at: StageContext
  readonly timer: Timer
  /** When it is taken for a pause, monotonic ms. */
  readonly due: number
}

/** The same as JSON; `left`: so many ms from now. */
interface PackedTyping {
  readonly message: string
  readonly side: Side
  readonly left: number
}

/** Who is typing to whom. Kept in memory where the sender's half runs; for senders of elsewhere, where the recipient's does. */
class Typing {
  readonly #host: Host
  readonly #silence: () => number
  readonly #timers = new Map<string, Composing>()

  /** `silence`: how long, in ms. */
  constructor(host: Host, silence: () => number) {
    this.#host = host
    this.#silence = silence
  }

  /** A message has passed. */
  heard(message: Stanza, at: StageContext): void {
    const composes = message.has('composing', NS.chatStates)
    if (!composes && this.#timers.size === 0) return
    // What has neither a state nor a text, as a receipt that a client sends by itself, says nothing of who types.
    if (!composes && !message.hasIn(NS.chatStates) && !message.has('body', NS.client)) return
    if (message.to === undefined || !isBetweenTwo(message) || !this.#isItsPlace(message, at)) return
    const key = `${message.from} ${message.to}`
    this.#timers.get(key)?.timer.cancel()
    this.#timers.delete(key)
    if (composes) this.#wait(message, at, this.#silence())
  }

  #wait(message: Stanza, at: StageContext, silence: number): void {
    const { clock } = this.#host
    const key = `${message.from} ${message.to}`
    const timer = clock.after(silence, () => this.#fell(key, message, at))
    this.#timers.set(key, { message, at, timer, due: clock.monotonic() + silence })
  }

  /** Of whom somebody is typing. */
  get owners(): Iterable<string> {
    return this.#timers.values().map(({ at }) => at.owner.toString())
  }

  /** Who of an owner's is typing, for his next home. */
  pack(owner: JID): readonly PackedTyping[] | undefined {
    const own = [...this.#timers.values()].filter(({ at }) => at.owner.equals(owner))
    const now = this.#host.clock.monotonic()
    return own.length === 0
      ? undefined
      : own.map(({ message, at, due }) => ({
          message: message.pack().toString(),
          side: at.side,
          left: Math.max(0, due - now),
        }))
  }

  /** The same, from his former home. */
  unpack(packed: readonly PackedTyping[]): void {
    for (const { message: text, side, left } of packed) {
      const message = Stanza.unpack(Buffer.from(text))
      const owner = side === 'sender' ? message.from.bare : message.to!.bare
      const session = this.#host.sessions(owner).find(({ jid }) => jid.equals(message.from))
      this.#wait(message, { owner, side, ...(session && { session }) }, left)
    }
  }

  /** The home of these owners is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const [key, { at, timer }] of this.#timers) {
      if (!which(at.owner.toString())) continue
      timer.cancel()
      this.#timers.delete(key)
    }
  }

  stop(): void {
    for (const { timer } of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #isItsPlace({ from }: Stanza, { side }: StageContext): boolean {
    return side === 'sender' || this.#host.router.host(from.domain) === undefined
  }

  #fell(key: string, composing: Stanza, at: StageContext): void {
    this.#timers.delete(key)
    const paused = pausedAfter(composing)
    const { router, hooks, background } = this.#host
    if (at.side === 'recipient') {
      router.route(paused)
      return
    }
    // Whoever has been blocked meanwhile hears nothing more, and nobody answers what no client has sent.
    const told = attempt(
      () =>
        then(hooks.stages.admit(paused, at), admitted => {
          if (admitted === undefined) return
          router.route(admitted)
          hooks.stages.copy(admitted, at, at.session === undefined ? [] : [at.session])
        }),
      () => undefined,
    )
    background.run('typing', told)
  }
}

function isBetweenTwo({ type }: Stanza): boolean {
  return type === undefined || type === 'chat' || type === 'normal'
}

/** XEP-0085 §3: the user "had been composing but now has stopped". In the same thread: §5.7. */
function pausedAfter(composing: Stanza): Stanza {
  const { from, to, type } = composing
  const paused = Stanza.build('message', { from, to, type }, xml('paused', { xmlns: NS.chatStates }))
  const thread = composing.child('thread', NS.client)?.getText()
  return thread === undefined ? paused : paused.plus(xml('thread', {}, thread))
}
