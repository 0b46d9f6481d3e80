/** Frames to homes, which move: docs/decisions/0022. */
import { slotOf } from '../../cluster/slots.ts'
import type { Answer, Cluster, Frame } from '../../cluster/types.ts'
import { type Departure, Departures } from './departures.ts'
import { type Errand, isBefore, type Sending, Underway } from './errands.ts'
import { answerOf, busy, isGone, refusalOf } from './frames.ts'

/** What is on its way to the owners of one slot. */
interface Channel {
  /** Sent, and neither answered nor come back. */
  readonly inFlight: Set<Underway>
  /** In the order in which they are to be sent; nothing is while any of these are there. */
  waiting: Underway[]
  searching: boolean
  /** The home that has refused the last one, and how long it is waited before it is asked again, ms. */
  refused: string | undefined
  pause: number
}

/**
 * How long it is waited before a home that has refused is asked again, in ms, doubled each time: it does not know yet that it is the home, or it
 * must not serve since it has lost Redis.
 */
const AGAIN_MS = 10
const LONGEST_AGAIN_MS = 80
/** So many empty channels are kept. */
const MOST_SPARE = 256
/** So long a home may refuse, ms; then the sender is told: as long as one that is not there is waited for (`Cluster.homeFound`). */
const REFUSED_MS = 12_000

/**
 * Sends frames to the homes of owners, one after the other to each slot. What a home refuses since it is none any more (`moved`), and
 * what comes while there is no home, waits for the next one and goes there in the same order. Nothing waits for another slot.
 */
export class Channels {
  readonly #cluster: Cluster
  readonly #take: (frame: Frame, from: string) => Answer | Promise<Answer>
  readonly #patience: number
  readonly #channels = new Map<number, Channel>()
  /** Empty ones: most slots have one for a moment, again and again. */
  readonly #spare: Channel[] = []
  /** How often a slot's channel has begun anew: a home that has refused a frame refuses those that were sent with it. */
  readonly #runs = new Map<number, number>()
  readonly #departures = new Departures()
  #last = 0

  /** `take` takes what turns out to be for this node. `patience`: how long a home may refuse, ms. */
  constructor(
    cluster: Cluster,
    take: (frame: Frame, from: string) => Answer | Promise<Answer>,
    patience = REFUSED_MS,
  ) {
    this.#cluster = cluster
    this.#take = take
    this.#patience = patience
  }

  /** Whether what is done at once overtakes nothing that is on its way to the owners of a slot. */
  isIdle(slot: number): boolean {
    return !this.#channels.has(slot)
  }

  /** Resolves when nothing is on its way, nor waits for a home. */
  async settled(): Promise<void> {
    for (let all = this.#underway; all.length > 0; all = this.#underway)
      await Promise.allSettled(all.map(({ answer }) => answer))
  }

  get #underway(): Underway[] {
    return [...this.#channels.values()].flatMap(({ inFlight, waiting }) => [...inFlight, ...waiting])
  }

  /** Sends an errand. */
  send(errand: Errand): Sending {
    const slot = slotOf(errand.owner)
    const channel = this.#at(slot)
    const one = new Underway(errand, ++this.#last)
    const home = channel.waiting.length > 0 ? undefined : this.#cluster.homeOfSlot(slot)
    if (home === undefined) this.#hold(slot, channel, one)
    else this.#carry(slot, channel, one, home, this.#ask(home, slot, errand.frame))
    return one
  }

  /**
   * The node that one frame for many owners may go to instead of an errand for each; undefined where an errand is needed.
   */
  nodeFor(owner: string): string | undefined {
    const slot = slotOf(owner)
    const idle = !this.#runs.has(slot) && (this.#channels.get(slot)?.waiting.length ?? 0) === 0
    return idle ? this.#cluster.homeOfSlot(slot) : undefined
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
      this.#carry(slot, this.#at(slot), new Underway(errand, ++this.#last), node, own)
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
    await Promise.all(inFlight.filter(comesFrom).map(({ landed }) => landed))
    return this.#departures.end(departure)
  }

  #at(slot: number): Channel {
    const known = this.#channels.get(slot)
    if (known !== undefined) return known
    const fresh = this.#spare.pop() ?? emptyChannel()
    this.#channels.set(slot, fresh)
    return fresh
  }

  #ask(home: string, slot: number, frame: Frame): Promise<Answer> {
    const run = this.#runs.get(slot)
    const numbered = run === undefined ? frame : { ...frame, run }
    if (home !== this.#cluster.node) return this.#cluster.request(home, numbered)
    return (async () => this.#take(numbered, home))()
  }

  #carry(slot: number, channel: Channel, one: Underway, home: string, answered: Promise<Answer>): void {
    channel.inFlight.add(one)
    answered.then(
      answer => this.#land(slot, channel, one, () => this.#answered(slot, channel, one, home, answer)),
      (error: unknown) => this.#land(slot, channel, one, () => this.#failed(slot, channel, one, home, error)),
    )
  }

  #land(slot: number, channel: Channel, one: Underway, outcome: () => void): void {
    channel.inFlight.delete(one)
    try {
      outcome()
    } catch (error) {
      one.fail(error)
    }
    one.land()
    this.#tidy(slot, channel)
  }

  #answered(slot: number, channel: Channel, one: Underway, home: string, answer: Answer): void {
    const moved = answer.moved === true
    channel.refused = moved ? home : undefined
    if (moved) this.#hold(slot, channel, one)
    else one.done(answerOf(answer))
  }

  #failed(slot: number, channel: Channel, one: Underway, home: string, error: unknown): void {
    if (!one.errand.repeatable || !isGone(error)) throw refusalOf(error)
    one.again = true
    // Named as the home all the same by a node that does not learn of another one, since it is cut off from Redis.
    if (channel.refused !== home) one.held = undefined
    channel.refused = home
    this.#hold(slot, channel, one)
  }

  /** It has to wait for a home, or to be done elsewhere. */
  #hold(slot: number, channel: Channel, one: Underway): void {
    if (this.#departures.takes(one)) return
    if (this.#departures.any) one.getStuck()
    one.held ??= performance.now()
    const { waiting } = channel
    // What has come back goes before what has not been sent, and the frames of one connection by their numbers.
    const place = waiting.findIndex(other => isBefore(one, other))
    waiting.splice(place < 0 ? waiting.length : place, 0, one)
    if (!channel.searching) void this.#search(slot, channel)
  }

  /** Waits for a home, and has all go there that waits for it. */
  async #search(slot: number, channel: Channel): Promise<void> {
    channel.searching = true
    try {
      for (let first = channel.waiting[0]; first !== undefined; first = channel.waiting[0]) {
        // What is in flight may come back, and goes first then.
        await Promise.all([...channel.inFlight].map(({ landed }) => landed))
        const home = await this.#cluster.homeFound(first.errand.owner)
        if (home !== channel.refused) channel.pause = AGAIN_MS
        else {
          await new Promise(resolve => setTimeout(resolve, channel.pause))
          channel.pause = Math.min(2 * channel.pause, LONGEST_AGAIN_MS)
          this.#giveUp(channel)
        }
        if (channel.inFlight.size > 0 || this.#cluster.homeOfSlot(slot) !== home) continue
        this.#runs.set(slot, (this.#runs.get(slot) ?? 0) + 1)
        const all = channel.waiting
        channel.waiting = []
        for (const one of all) {
          const { frame } = one.errand
          this.#carry(
            slot,
            channel,
            one,
            home,
            this.#ask(home, slot, one.again ? { ...frame, again: true } : frame),
          )
        }
      }
    } catch (error) {
      const all = channel.waiting
      channel.waiting = []
      const refusal = refusalOf(error)
      for (const one of all) one.fail(refusal)
    } finally {
      channel.searching = false
      this.#tidy(slot, channel)
    }
  }

  /** What a home has refused for too long is not asked for any more. */
  #giveUp(channel: Channel): void {
    const latest = performance.now() - this.#patience
    const late = channel.waiting.filter(({ held = Infinity }) => held < latest)
    channel.waiting = channel.waiting.filter(one => !late.includes(one))
    for (const one of late) one.fail(busy())
  }

  /** Forgets a channel in which nothing is. */
  #tidy(slot: number, channel: Channel): void {
    if (channel.inFlight.size + channel.waiting.length > 0 || channel.searching) return
    if (this.#channels.get(slot) !== channel) return
    this.#channels.delete(slot)
    // One that a home has refused keeps that to itself.
    if (channel.refused === undefined && this.#spare.length < MOST_SPARE) this.#spare.push(channel)
  }
}

function emptyChannel(): Channel {
  return { inFlight: new Set(), waiting: [], searching: false, refused: undefined, pause: AGAIN_MS }
}
