import type { Write } from '../storage/types.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StanzaError } from './errors.ts'
import { eachInOrder, isPromise, type Maybe } from './maybe.ts'
import type { Session } from './session.ts'
import type {
  Kind,
  Outcome,
  PresenceRegistration,
  Side,
  StageContext,
  StageRegistration,
  Stages,
  Verdict,
} from './stage.ts'

type StageOf<S extends keyof Stages> = Extract<StageRegistration, { stage: S }>
/** The handlers of one side and kind, by stage. */
type Row = { [S in keyof Stages]: StageOf<S>[] }

/** The stages that the extensions of one host have registered, ready to be run. */
export class StageTable {
  readonly #stages: Record<Side, Record<Kind, Row>> = { sender: rows(), recipient: rows() }
  readonly #presence: Record<Side, Map<string, PresenceRegistration>> = {
    sender: new Map(),
    recipient: new Map(),
  }

  /** Adds what an extension registered, behind what others have. */
  add(stages: readonly StageRegistration[], presence: readonly PresenceRegistration[]): void {
    for (const registration of stages) {
      const { kind, side } = registration.interest
      const handlers: StageRegistration[] = this.#stages[side][kind][registration.stage]
      handlers.push(registration)
    }
    for (const claim of presence) this.#presence[claim.side].set(claim.type, claim)
  }

  /** First part of a stanza's half: guard, then stamp. Undefined means dropped. */
  admit(stanza: Stanza, at: StageContext): Maybe<Stanza | undefined> {
    return this.#guard(stanza, at, this.#stages[at.side][stanza.kind].guard, 0)
  }

  /** Whether the guards let a stanza of a room through, which nobody waits for: a refusal means no. */
  lets(stanza: Stanza, at: StageContext): Maybe<boolean> {
    return this.letting(stanza, at.side)(at)
  }

  /** The same for each of many: looks only once which guards are concerned. */
  letting(stanza: Stanza, side: Side): (at: StageContext) => Maybe<boolean> {
    const concerned = this.#interested('guard', stanza, side)
    const guards = stanza.type === 'error' ? concerned.filter(({ interest }) => interest.errors) : concerned
    return at => {
      try {
        const passes = passesAll(guards, stanza, at, 0)
        return isPromise(passes) ? passes.catch(refusal) : passes
      } catch (error) {
        return refusal(error)
      }
    }
  }

  /** The guards from one on. A loop and no callbacks: this runs for each stanza, and for each of the many who get a presence. */
  #guard(
    stanza: Stanza,
    at: StageContext,
    guards: readonly StageOf<'guard'>[],
    from: number,
  ): Maybe<Stanza | undefined> {
    for (let i = nextFor(stanza, guards, from); i < guards.length; i = nextFor(stanza, guards, i + 1)) {
      const guard = guards[i] as StageOf<'guard'>
      // ARCHITECTURE §6, docs/decisions/0014: error stanzas skip `guard`, but for those that ask for them, and nothing else.
      if (stanza.type === 'error' && !guard.interest.errors) continue
      const verdict = guard.run(stanza, at)
      if (isPromise(verdict)) return this.#guardLater(verdict, stanza, at, guards, i + 1)
      if (verdict === 'drop') return undefined
    }
    return this.#stamp(stanza, at)
  }

  async #guardLater(
    verdict: Promise<'drop' | undefined>,
    stanza: Stanza,
    at: StageContext,
    guards: readonly StageOf<'guard'>[],
    next: number,
  ): Promise<Stanza | undefined> {
    return (await verdict) === 'drop' ? undefined : this.#guard(stanza, at, guards, next)
  }

  #stamp(original: Stanza, at: StageContext): Stanza {
    const stamps = this.#stages[at.side][original.kind].stamp
    let stanza = original
    for (let i = nextFor(original, stamps, 0); i < stamps.length; i = nextFor(original, stamps, i + 1))
      stanza = (stamps[i] as StageOf<'stamp'>).run(stanza, at)
    return stanza
  }

  /** What must be stored before this half may be delivered or acknowledged. */
  record(stanza: Stanza, at: StageContext): Maybe<readonly Write[]> {
    return this.#record(stanza, at, this.#interested('record', stanza, at.side), 0, NONE)
  }

  /** The recorders from one on, behind what the others have recorded. A loop, as in `#guard`: most often nothing waits, and one has something. */
  #record(
    stanza: Stanza,
    at: StageContext,
    recorders: readonly StageOf<'record'>[],
    from: number,
    earlier: readonly Write[],
  ): Maybe<readonly Write[]> {
    let writes = earlier
    for (let i = from; i < recorders.length; i++) {
      const more = (recorders[i] as StageOf<'record'>).run(stanza, at)
      if (isPromise(more)) return this.#recordLater(more, stanza, at, recorders, i + 1, writes)
      writes = joined(writes, more)
    }
    return writes
  }

  async #recordLater(
    more: Promise<readonly Write[]>,
    stanza: Stanza,
    at: StageContext,
    recorders: readonly StageOf<'record'>[],
    next: number,
    earlier: readonly Write[],
  ): Promise<readonly Write[]> {
    return this.#record(stanza, at, recorders, next, joined(earlier, await more))
  }

  /** Whether anything of such a stanza would have to be stored. */
  records(stanza: Stanza, side: Side): boolean {
    const recorders = this.#stages[side][stanza.kind].record
    return nextFor(stanza, recorders, 0) < recorders.length
  }

  /** Further copies, after the commit, for an owner whose sessions `holders` have the stanza. */
  copy(stanza: Stanza, at: StageContext, holders: readonly Session[]): void {
    for (const copy of this.#interested('copy', stanza, at.side)) copy.run(stanza, at, holders)
  }

  /** After delivery: the first verdict of those that have one. */
  outcome(stanza: Stanza, at: StageContext, outcome: Outcome): Maybe<Verdict | undefined> {
    return eachInOrder(this.#interested('outcome', stanza, at.side), handler =>
      handler.run(stanza, at, outcome),
    )
  }

  /** The claim on presence of this type, if any. */
  presenceClaim(stanza: Stanza, side: Side): PresenceRegistration | undefined {
    if (stanza.kind !== 'presence' || stanza.type === undefined) return undefined
    return this.#presence[side].get(stanza.type)
  }

  #interested<S extends keyof Stages>(stage: S, stanza: Stanza, side: Side): readonly StageOf<S>[] {
    const all = this.#stages[side][stanza.kind][stage] as StageOf<S>[]
    let concerned = 0
    for (let i = nextFor(stanza, all, 0); i < all.length; i = nextFor(stanza, all, i + 1)) concerned++
    if (concerned === 0) return NONE
    return concerned === all.length ? all : all.filter(one => concerns(one, stanza))
  }
}

function rows(): Record<Kind, Row> {
  const row = (): Row => ({ guard: [], stamp: [], record: [], copy: [], outcome: [] })
  return { message: row(), presence: row(), iq: row() }
}

const NONE: readonly never[] = []

function joined(some: readonly Write[], more: readonly Write[]): readonly Write[] {
  if (some.length === 0) return more
  return more.length === 0 ? some : [...some, ...more]
}

/** Whether none of the guards, from one on, drops a stanza. */
function passesAll(
  guards: readonly StageOf<'guard'>[],
  stanza: Stanza,
  at: StageContext,
  from: number,
): Maybe<boolean> {
  for (let i = from; i < guards.length; i++) {
    const verdict = (guards[i] as StageOf<'guard'>).run(stanza, at)
    if (isPromise(verdict))
      return verdict.then(verdict => verdict !== 'drop' && passesAll(guards, stanza, at, i + 1))
    if (verdict === 'drop') return false
  }
  return true
}

/** A guard has refused, or has a fault. */
function refusal(error: unknown): false {
  if (error instanceof StanzaError) return false
  throw error
}

function concerns(registration: StageRegistration, stanza: Stanza): boolean {
  const child = registration.interest.child
  return child === undefined || stanza.has(child[0], child[1])
}

/** The index of the next registration that is concerned, their number if there is none. */
function nextFor(stanza: Stanza, all: readonly StageRegistration[], from: number): number {
  let i = from
  while (i < all.length && !concerns(all[i] as StageRegistration, stanza)) i++
  return i
}
