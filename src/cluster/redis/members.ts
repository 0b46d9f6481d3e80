import type { MemberRecord, Sight } from './registry.ts'

interface Member {
  record: MemberRecord
  text: string
  /** The last beat that was seen or heard of. */
  beat: number
  /** When something new was last seen of it, on this node's clock. */
  since: number
}

/** The nodes of the cluster, as this one has seen them. */
export class Members {
  readonly #node: string
  readonly #lease: number
  readonly #members = new Map<string, Member>()

  /** `lease`: ms after which a node that says nothing is dead. */
  constructor(node: string, lease: number) {
    this.#node = node
    this.#lease = lease
  }

  /** Those that are alive as far as is known, by name. */
  get names(): readonly string[] {
    return [...this.#members.keys()].sort()
  }

  /** Those that may have slots. */
  get takers(): readonly string[] {
    return this.names.filter(name => !this.#members.get(name)!.record.draining)
  }

  has(name: string): boolean {
    return this.#members.has(name)
  }

  /**
   * Takes what Redis says. `whole`: whether its list is known to be whole; else one that is missing may have been forgotten, and has the time of a
   * lease to show itself. Gives those that came and those that have gone.
   */
  take(
    sight: Sight,
    now: number,
    whole: boolean,
  ): { readonly come: readonly [string, MemberRecord][]; readonly gone: readonly string[] } {
    const come: [string, MemberRecord][] = []
    for (const [name, { record, text }] of sight.members) {
      const known = this.#members.get(name)
      if (known === undefined) {
        this.#members.set(name, { record, text, beat: record.beat, since: now })
        come.push([name, record])
        continue
      }
      alive(known, record.beat, now)
      known.record = record
      known.text = text
    }
    const gone = this.names.filter(
      name => !sight.members.has(name) && (whole || this.#silence(name, now) >= this.#lease),
    )
    for (const name of gone) this.#members.delete(name)
    return { come, gone: gone.filter(name => name !== this.#node) }
  }

  /** It is not one of them. */
  delete(name: string): void {
    this.#members.delete(name)
  }

  /** A beat of a node was heard. */
  heard(name: string, beat: number, now: number): void {
    const member = this.#members.get(name)
    if (member !== undefined) alive(member, beat, now)
  }

  /** What was not seen of others while this node could not look says nothing about them. */
  lookAgain(now: number): void {
    for (const member of this.#members.values()) member.since = now
  }

  /** Others that have said nothing for the time of a lease, with their last records. */
  silent(now: number): readonly (readonly [string, string])[] {
    return [...this.#members]
      .filter(([name]) => name !== this.#node && this.#silence(name, now) >= this.#lease)
      .map(([name, { text }]) => [name, text])
  }

  /**
   * Whether this node is the one to go, of two that are alive and cannot reach each other: the one that fewer can reach, else the one whose name
   * comes later. `unreachable`: by this node.
   */
  mustGo(unreachable: ReadonlySet<string>): boolean {
    const cut = (a: string, b: string): boolean =>
      (a === this.#node ? unreachable.has(b) : this.#members.get(a)?.record.unreachable.includes(b)) ?? false
    const broken = (a: string, b: string): boolean => a !== b && (cut(a, b) || cut(b, a))
    const cuts = (a: string): number => this.names.filter(b => broken(a, b)).length
    const own = cuts(this.#node)
    return this.names.some(other => {
      if (!broken(this.#node, other)) return false
      const theirs = cuts(other)
      return own > theirs || (own === theirs && this.#node > other)
    })
  }

  #silence(name: string, now: number): number {
    return now - (this.#members.get(name)?.since ?? now)
  }
}

/** A beat counts from when it was first heard of: Redis tells of it again with its list. */
function alive(member: Member, beat: number, now: number): void {
  if (beat <= member.beat) return
  member.beat = beat
  member.since = now
}
