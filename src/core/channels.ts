/** Frames to homes, which move: docs/decisions/0022. */
import { slotOf } from '../cluster/slots.ts'
import type { Answer, Cluster, Frame } from '../cluster/types.ts'
import type { JID } from '../xml/jid.ts'
import { type Departure, Departures } from './departures.ts'
import { type Errand, isBefore, type Sending, Underway } from './errands.ts'
import { StanzaError } from './errors.ts'
import { answerOf, isGone } from './frames.ts'

/** What is on its way to the owners of one slot. */
interface Channel {
  /** With what resolves when it is answered, or comes back. */
  readonly inFlight: Map<Underway, Promise<void>>
  /** In the order in which they are to be sent; nothing is while any of these are there. */
  waiting: Underway[]
  searching: boolean
}

/** How long it is waited before a home that has refused is asked again, in ms: it does not know yet that it is the home. */
const AGAIN_MS = 10

/**
 * Sends frames to the homes of owners, one after the other to each slot. What a home refuses since it is none any more (`moved`), and
 * what comes while there is no home, waits for the next one and goes there in the same order. Nothing waits for another slot.
 */
export class Channels {
  readonly #cluster: Cluster
  readonly #take: (frame: Frame, from: string) => Answer | Promise<Answer>
  readonly #channels = new Map<number, Channel>()
  /** How often a slot's channel has begun anew: a home that has refused a frame refuses those that were sent with it. */
  readonly #runs = new Map<number, number>()
  readonly #departures = new Departures()
  #last = 0

  /** `take` takes what turns out to be for this node. */
  constructor(cluster: Cluster, take: (frame: Frame, from: string) => Answer | Promise<Answer>) {
    this.#cluster = cluster
    this.#take = take
  }

  /** Whether what is done at once overtakes nothing that is on its way to an owner. */
  isIdle(owner: JID): boolean {
    return this.#channels.size === 0 || !this.#channels.has(slotOf(owner.bare.toString()))
  }

  /** Resolves when nothing is on its way, nor waits for a home. */
  async settled(): Promise<void> {
    for (let all = this.#underway; all.length > 0; all = this.#underway)
      await Promise.allSettled(all.map(({ answer }) => answer))
  }

  get #underway(): Underway[] {
    return [...this.#channels.values()].flatMap(({ inFlight, waiting }) => [...inFlight.keys(), ...waiting])
  }

  /** Sends an errand. */
  send(errand: Errand): Sending {
    const slot = slotOf(errand.owner)
    const channel = this.#at(slot)
    const one = new Underway(errand, ++this.#last)
    const home = channel.waiting.length > 0 ? undefined : this.#cluster.homeOf(errand.owner)
    if (home === undefined) this.#hold(slot, channel, one)
    else this.#carry(slot, channel, one, this.#ask(home, slot, errand.frame))
    return one
  }

  /**
   * The node that one frame for many owners may go to instead of an errand for each; undefined where an errand is needed.
   */
  nodeFor(owner: string): string | undefined {
    const slot = slotOf(owner)
    const idle = !this.#runs.has(slot) && (this.#channels.get(slot)?.waiting.length ?? 0) === 0
    return idle ? this.#cluster.homeOf(owner) : undefined
  }

  /** Sends one frame to a node in place of these errands; it answers which owners are not at home there (`moved`, in lines). */
  sendMany(node: string, frame: Frame, errands: readonly Errand[]): void {
    const answered = this.#cluster.request(node, frame)
    for (const errand of errands) {
      const slot = slotOf(errand.owner)
      const own = answered.then(({ moved }) =>
        String(moved ?? '')
          .split('\n')
          .includes(errand.owner)
          ? { moved: true }
          : {},
      )
      this.#carry(slot, this.#at(slot), new Underway(errand, ++this.#last), own)
    }
  }

  /** Slots are about to leave this node: from now on what waits and comes from their owners is to go with them. */
  depart(slots: ReadonlySet<number>): Departure {
    const departure = this.#departures.begin(slots)
    for (const [slot, channel] of this.#channels) {
      channel.waiting = channel.waiting.filter(one => !this.#departures.takes(one))
      for (const one of channel.waiting) one.getStuck()
      this.#tidy(slot, channel)
    }
    return departure
  }

  /** Resolves when nothing of that is in flight, with the frames that go along. */
  async departed(departure: Departure): Promise<readonly Frame[]> {
    const comesFrom = ({ errand: { from } }: Underway): boolean =>
      from !== undefined && departure.slots.has(slotOf(from))
    const inFlight = [...this.#channels.values()].flatMap(channel => [...channel.inFlight])
    await Promise.all(inFlight.filter(([one]) => comesFrom(one)).map(([, flight]) => flight))
    return this.#departures.end(departure)
  }

  #at(slot: number): Channel {
    const known = this.#channels.get(slot)
    if (known !== undefined) return known
    const fresh: Channel = { inFlight: new Map(), waiting: [], searching: false }
    this.#channels.set(slot, fresh)
    return fresh
  }

  #ask(home: string, slot: number, frame: Frame): Promise<Answer> {
    const run = this.#runs.get(slot)
    const numbered = run === undefined ? frame : { ...frame, run }
    if (home !== this.#cluster.node) return this.#cluster.request(home, numbered)
    return (async () => this.#take(numbered, home))()
  }

  #carry(slot: number, channel: Channel, one: Underway, answered: Promise<Answer>): void {
    const flight = answered
      .then(
        answer => {
          channel.inFlight.delete(one)
          if (answer.moved === true) this.#hold(slot, channel, one)
          else one.done(answerOf(answer))
        },
        (error: unknown) => {
          channel.inFlight.delete(one)
          const gone = isGone(error)
          if (gone && one.errand.repeatable) {
            one.again = true
            this.#hold(slot, channel, one)
          }
          // RFC 6120 §8.3.3.16: nobody knows what has become of it.
          else throw gone ? new StanzaError('remote-server-timeout') : error
        },
      )
      .catch((error: unknown) => one.fail(error))
      .then(() => this.#tidy(slot, channel))
    channel.inFlight.set(one, flight)
  }

  /** It has to wait for a home, or to be done elsewhere. */
  #hold(slot: number, channel: Channel, one: Underway): void {
    if (this.#departures.takes(one)) return
    if (this.#departures.any) one.getStuck()
    const { waiting } = channel
    // What has come back goes before what has not been sent, and the frames of one connection by their numbers.
    const place = waiting.findIndex(other => isBefore(one, other))
    waiting.splice(place < 0 ? waiting.length : place, 0, one)
    if (!channel.searching) void this.#search(slot, channel)
  }

  /** Waits for a home, and has all go there that waits for it. */
  async #search(slot: number, channel: Channel): Promise<void> {
    channel.searching = true
    let refused: string | undefined
    try {
      for (let first = channel.waiting[0]; first !== undefined; first = channel.waiting[0]) {
        // What is in flight may come back, and goes first then.
        await Promise.all(channel.inFlight.values())
        const home = await this.#cluster.homeFound(first.errand.owner)
        if (home === refused) await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
        refused = home
        if (channel.inFlight.size > 0 || this.#cluster.homeOf(first.errand.owner) !== home) continue
        this.#runs.set(slot, (this.#runs.get(slot) ?? 0) + 1)
        const all = channel.waiting
        channel.waiting = []
        for (const one of all) {
          const { frame } = one.errand
          this.#carry(
            slot,
            channel,
            one,
            this.#ask(home, slot, one.again ? { ...frame, again: true } : frame),
          )
        }
      }
    } catch {
      const all = channel.waiting
      channel.waiting = []
      // RFC 6120 §8.3.3.18: it is not this stanza's fault, and its sender may try again.
      for (const one of all)
        one.fail(new StanzaError('resource-constraint', { text: 'the server is busy, try again' }))
    } finally {
      channel.searching = false
      this.#tidy(slot, channel)
    }
  }

  /** Forgets a channel in which nothing is. */
  #tidy(slot: number, channel: Channel): void {
    if (channel.inFlight.size + channel.waiting.length > 0 || channel.searching) return
    if (this.#channels.get(slot) === channel) this.#channels.delete(slot)
  }
}
