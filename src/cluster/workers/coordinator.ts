/** Who of the workers lives, and who is home to which slots: kept by the storage process, which sees the end of a worker at once. */
import { SLOTS, slotOf } from '../slots.ts'
import { type FromWorker, parseMessage, type ToWorker } from './messages.ts'
import { type Transfer, transfers } from './transfers.ts'

/** A worker as the storage process sees it (`StoragePort`). */
export interface WorkerChannel {
  tell(text: string): void
  onTold: (text: string) => void
  /** Whether it may write to the archive of an owner (a bare JID's text). */
  mayWrite: (owner: string) => boolean
  /** Resolves when it has gone and all that it had sent is stored or refused. */
  readonly gone: Promise<void>
}

/** A worker that has joined. */
interface Member {
  readonly node: string
  readonly address: string
  readonly channel: WorkerChannel
  /** Takes no more slots. */
  draining: boolean
  /** What it was asked to do, by number. `undefined`: it has gone. */
  readonly asked: Map<number, (answer: { readonly state: string | null } | undefined) => void>
}

/** Spreads the slots evenly over the workers. Moves are made one after another. */
export class Coordinator {
  readonly #members = new Map<string, Member>()
  readonly #homes = new Array<string | undefined>(SLOTS).fill(undefined)
  /** Whose commits are stored: the home's, and until it has left the former one's. */
  readonly #writers = new Array<Member | undefined>(SLOTS).fill(undefined)
  #moves: Promise<void> = Promise.resolve()
  #nextMove = 1
  #stopped = false

  /** Takes a client of the storage process, which may join as a worker. */
  add(channel: WorkerChannel): void {
    let member: Member | undefined
    channel.mayWrite = owner => member !== undefined && this.#writers[slotOf(owner)] === member
    channel.onTold = text => {
      const message = parseMessage<FromWorker>(text)
      if (message.is === 'join') {
        member = { node: message.node, address: message.address, channel, draining: false, asked: new Map() }
        this.#join(member)
      } else if (member !== undefined) this.#take(member, message)
    }
    void channel.gone.then(() => member && this.#lose(member))
  }

  /** Homes move no more: all workers are about to end. They do when all of them are done with what they have to say to each other. */
  stop(): void {
    this.#stopped = true
    this.#balance()
  }

  /** Resolves when no slot moves. */
  async settled(): Promise<void> {
    for (let moves: Promise<void> | undefined; moves !== this.#moves; ) {
      moves = this.#moves
      await moves
    }
  }

  /** How many slots each worker has. */
  get slots(): ReadonlyMap<string, number> {
    const counts = new Map([...this.#members.keys()].map(node => [node, 0]))
    for (const home of this.#homes) if (home !== undefined) counts.set(home, (counts.get(home) ?? 0) + 1)
    return counts
  }

  #join(member: Member): void {
    this.#members.set(member.node, member)
    this.#tellNodes()
    const byHome = Map.groupBy(this.#homes.keys(), slot => this.#homes[slot])
    for (const [home, slots] of byHome)
      if (home !== undefined) tell(member, { is: 'homes', slots, node: home })
    this.#balance()
  }

  #take(member: Member, message: Exclude<FromWorker, { is: 'join' }>): void {
    if (message.is === 'drain') {
      member.draining = true
      this.#balance()
      return
    }
    const answer = member.asked.get(message.move)
    member.asked.delete(message.move)
    answer?.({ state: message.is === 'left' ? message.state : null })
  }

  #lose(member: Member): void {
    this.#members.delete(member.node)
    for (const answer of member.asked.values()) answer(undefined)
    member.asked.clear()
    const slots = [...this.#homes.keys()].filter(slot => this.#homes[slot] === member.node)
    this.#settle(slots, undefined)
    this.#tellNodes()
    this.#balance()
  }

  #tellNodes(): void {
    const nodes = [...this.#members.values()].map(({ node, address }) => [node, address] as const)
    this.#tellAll({ is: 'nodes', nodes })
  }

  #tellAll(message: ToWorker): void {
    for (const member of this.#members.values()) tell(member, message)
  }

  /** Has the slots spread anew, after the moves that are under way. */
  #balance(): void {
    this.#moves = this.#moves.then(() => this.#spread())
  }

  async #spread(): Promise<void> {
    const members = [...this.#members.values()]
    const takers = members.filter(({ draining }) => !draining).map(({ node }) => node)
    if (!this.#stopped) for (const transfer of transfers(this.#homes, takers)) await this.#move(transfer)
    const held = this.slots
    for (const member of members)
      if (member.draining && (takers.length === 0 || held.get(member.node) === 0))
        tell(member, { is: 'drained' })
  }

  async #move({ from, to, slots }: Transfer): Promise<void> {
    const state = from === undefined ? null : await this.#leave(from, slots)
    for (const slot of slots) this.#writers[slot] = undefined
    // One that dies meanwhile is followed by another; what the former home knew is kept for that.
    for (let taker = this.#taker(to); taker !== undefined && !this.#stopped; taker = this.#taker(undefined)) {
      for (const slot of slots) this.#writers[slot] = taker
      if ((await this.#ask(taker, move => ({ is: 'arrive', move, slots, state }))) === undefined) continue
      this.#settle(slots, taker.node)
      return
    }
  }

  /** What the home of these slots knew; null when it died. */
  async #leave(from: string, slots: readonly number[]): Promise<string | null> {
    this.#settle(slots, undefined)
    const home = this.#members.get(from)
    if (home === undefined) return null
    return (await this.#ask(home, move => ({ is: 'leave', move, slots })))?.state ?? null
  }

  /** This worker, or another one if it has gone. */
  #taker(wanted: string | undefined): Member | undefined {
    const member = wanted === undefined ? undefined : this.#members.get(wanted)
    if (member !== undefined && !member.draining) return member
    return [...this.#members.values()].find(({ draining }) => !draining)
  }

  /** Asks a worker to do something; undefined when it dies before it has. */
  #ask(
    member: Member,
    message: (move: number) => ToWorker,
  ): Promise<{ readonly state: string | null } | undefined> {
    if (this.#members.get(member.node) !== member) return Promise.resolve(undefined)
    const move = this.#nextMove++
    return new Promise(resolve => {
      member.asked.set(move, resolve)
      tell(member, message(move))
    })
  }

  #settle(slots: readonly number[], home: string | undefined): void {
    for (const slot of slots) this.#homes[slot] = home
    if (slots.length > 0) this.#tellAll({ is: 'homes', slots, node: home ?? null })
  }
}

function tell({ channel }: Member, message: ToWorker): void {
  channel.tell(JSON.stringify(message))
}
