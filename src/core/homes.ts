import { slotOf } from '../cluster/slots.ts'
import type { JID } from '../xml/jid.ts'
import { Lane } from './lane.ts'
import { Moved } from './link/frames.ts'
import { isPromise, type Maybe } from './maybe.ts'
import type { Session } from './session.ts'

/** An account at its home: its lane and its sessions. */
export class Owner {
  readonly jid: JID
  /** Orders what is delivered to it, stored for it and changed about its sessions. A task must not wait for the lane it runs in. */
  readonly lane = new Lane()
  /** Orders the presence that others send it, which waits for nothing else: not for messages to be stored, nor for a session to catch up. */
  readonly presence = new Lane()
  /** In the order they were bound. */
  readonly sessions: Session[] = []
  /** The account was removed: what is still on its way to it reaches nobody and is not kept. */
  forgotten = false
  /** How many messages have been delivered to it since it came here: tells which sessions were there when one came. */
  messages = 0
  /** The newest archived message (`Append.id`) that was delivered to it; 0: none since it came here. */
  delivered = 0n
  /** Tasks in its lanes that have not settled, those that run inside others included, and what is going to be one. */
  tasks = 0
  /** Requests of its user that are being answered. */
  requests = 0

  constructor(jid: JID) {
    this.jid = jid
  }

  /** Whether something is under way for it. */
  get busy(): boolean {
    const { tasks, lane, presence, sessions } = this
    if (tasks + lane.waiting + presence.waiting > 0) return true
    return sessions.some(
      ({ preparing, settling, aside, ending }) =>
        ending || preparing.waiting + settling.waiting > 0 || (aside !== undefined && aside.size > 0),
    )
  }

  /** Whether any of its sessions is an available resource. */
  get available(): boolean {
    for (const session of this.sessions) if (session.available) return true
    return false
  }

  /** The session with this resource. */
  session(resource: string): Session | undefined {
    for (const session of this.sessions) if (session.jid.resource === resource) return session
    return undefined
  }
}

/** The owners whose home is this node, as long as they have a session or work under way. */
export class Homes {
  readonly #owners = new Map<string, Owner>()
  readonly #isHere: (owner: string) => boolean

  /** `isHere`: whether this node is home to an owner (a bare JID's text). */
  constructor(isHere: (owner: string) => boolean) {
    this.#isHere = isHere
  }

  /** The owner with this bare JID, if it has sessions or work here. */
  find(account: JID): Owner | undefined {
    return this.#owners.get(account.bare.toString())
  }

  /** Runs a task in the lane of an owner. */
  inLane<T>(account: JID, task: (owner: Owner) => Maybe<T>): Maybe<T> {
    const owner = this.#at(account.bare)
    return this.#run(owner, owner.lane, task)
  }

  /** Runs a task in the lane of the presence that comes for an owner. It may wait for the other lane, but not the other way round. */
  inPresenceLane<T>(account: JID, task: (owner: Owner) => Maybe<T>): Maybe<T> {
    const owner = this.#at(account.bare)
    return this.#run(owner, owner.presence, task)
  }

  /** Something is about to be done for an owner, so that its home must not move before: until what is returned is called. */
  enter(account: JID): () => void {
    const owner = this.#at(account.bare)
    owner.tasks++
    return () => this.#release(owner)
  }

  /** The same for the answer to a request, which is waited for, but not for long. */
  answers(account: JID): () => void {
    const owner = this.#at(account.bare)
    owner.requests++
    return () => {
      owner.requests--
      this.#tidy(owner)
    }
  }

  /** Those of some slots. */
  inSlots(slots: ReadonlySet<number>): Owner[] {
    return [...this.#owners.values()].filter(({ jid }) => slots.has(slotOf(jid.toString())))
  }

  /** An owner has come from another node. */
  add(owner: Owner): void {
    this.#owners.set(owner.jid.toString(), owner)
  }

  /** An owner goes to another node. What was forgotten to be waited for finds nobody here any more. */
  delete(owner: Owner): void {
    this.#owners.delete(owner.jid.toString())
  }

  /** All of them. */
  get all(): Iterable<Owner> {
    return this.#owners.values()
  }

  #run<T>(owner: Owner, lane: Lane, task: (owner: Owner) => Maybe<T>): Maybe<T> {
    const release = (): void => this.#release(owner)
    owner.tasks++
    try {
      const result = lane.run(() => task(owner))
      if (isPromise(result)) result.then(release, release)
      else release()
      return result
    } catch (error) {
      release()
      throw error
    }
  }

  /** Those of a domain that have sessions here. */
  signedIn(domain: string): readonly Owner[] {
    return [...this.#owners.values()].filter(
      ({ jid, sessions }) => jid.domain === domain && sessions.length > 0,
    )
  }

  /** How many sessions live here. */
  get sessions(): number {
    let count = 0
    for (const owner of this.#owners.values()) count += owner.sessions.length
    return count
  }

  /** Tasks in all lanes that have not settled. */
  get waiting(): number {
    return this.#lanes().reduce((sum, lane) => sum + lane.waiting, 0)
  }

  /** Whether any lane has work left. */
  get busy(): boolean {
    return this.#pending().length > 0
  }

  /** Resolves when no lane has work left. */
  async settled(): Promise<void> {
    for (let pending = this.#pending(); pending.length > 0; pending = this.#pending())
      await Promise.all(pending)
  }

  #at(bare: JID): Owner {
    const key = bare.toString()
    let owner = this.#owners.get(key)
    if (owner === undefined) {
      if (!this.#isHere(key)) throw new Moved()
      owner = new Owner(bare)
      this.#owners.set(key, owner)
    }
    return owner
  }

  /** A task is done. An owner is forgotten when nothing is left, but not by a task inside another one, which may go on to add a session. */
  #release(owner: Owner): void {
    owner.tasks--
    this.#tidy(owner)
  }

  #tidy(owner: Owner): void {
    if (owner.tasks + owner.requests + owner.sessions.length > 0) return
    const key = owner.jid.toString()
    // One that has left may have come back, as another.
    if (this.#owners.get(key) === owner) this.#owners.delete(key)
  }

  #pending(): Maybe<void>[] {
    return this.#lanes()
      .filter(lane => lane.waiting > 0)
      .map(lane => lane.idle())
  }

  #lanes(): Lane[] {
    const lanes: Lane[] = []
    for (const owner of this.#owners.values()) {
      lanes.push(owner.lane, owner.presence)
      for (const session of owner.sessions) lanes.push(session.preparing, session.settling)
    }
    return lanes
  }
}
