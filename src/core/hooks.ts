import type { Write } from '../storage/types.ts'
import { type Element, xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'
import { TidingsError } from './errors.ts'
import type {
  BeforeSignIn,
  BindingRegistration,
  Events,
  IqRegistration,
  Kind,
  Moving,
  NewStreamRegistration,
  Outcome,
  Place,
  PresenceRegistration,
  Registrations,
  Side,
  StageContext,
  StageRegistration,
  Stages,
  Verdict,
} from './extension.ts'
import type { AnyTask } from './home-tasks.ts'
import type { Log } from './log.ts'
import { attempt, eachInOrder, isPromise, type Maybe, then } from './maybe.ts'
import type { SentMessage } from './recollection.ts'
import type { Session } from './session.ts'

type StageOf<S extends keyof Stages> = Extract<StageRegistration, { stage: S }>
/** The handlers of one side and kind, by stage. */
type StageTable = { [S in keyof Stages]: StageOf<S>[] }
type Handler<E extends keyof Events> = (event: Events[E]) => Maybe<void>

/** Everything the extensions of one host have registered, ready to be run: the closed list of stages, IQ claims and events. */
export class Hooks {
  readonly #stages: Record<Side, Record<Kind, StageTable>> = { sender: tables(), recipient: tables() }
  readonly #iq = new Map<string, IqRegistration>()
  readonly #beforeSignIn = new Map<string, NewStreamRegistration>()
  readonly #features: NonNullable<BeforeSignIn['features']>[] = []
  readonly #binding: BindingRegistration[] = []
  readonly #presence: Record<Side, Map<string, PresenceRegistration>> = {
    sender: new Map(),
    recipient: new Map(),
  }
  readonly #tasks = new Map<string, AnyTask>()
  readonly #events = new Map<keyof Events, Handler<never>[]>()
  readonly #sent: NonNullable<Registrations<unknown>['sent']>[] = []
  readonly #moving = new Map<string, Moving>()
  readonly #owners = new Map<string, string>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Adds what an extension registered. A doubly claimed IQ is an error that names both extensions. */
  add(extension: string, registrations: Registrations<unknown>): void {
    for (const claim of registrations.iq ?? [])
      this.#iq.set(this.#claimed(extension, claim.place, claim), claim)
    const { iq = [], features } = registrations.beforeSignIn ?? {}
    for (const claim of iq) this.#beforeSignIn.set(this.#claimed(extension, BEFORE_SIGN_IN, claim), claim)
    if (features !== undefined) this.#features.push(features)
    this.#binding.push(...(registrations.binding ?? []))
    for (const registration of registrations.stages ?? []) {
      const { kind, side } = registration.interest
      const handlers: StageRegistration[] = this.#stages[side][kind][registration.stage]
      handlers.push(registration)
    }
    for (const claim of registrations.presence ?? []) this.#presence[claim.side].set(claim.type, claim)
    if (registrations.moving !== undefined) this.#moving.set(extension, registrations.moving)
    if (registrations.sent !== undefined) this.#sent.push(registrations.sent)
    for (const [name, handler] of Object.entries(registrations.on ?? {}))
      push(this.#events, name as keyof Events, handler as Handler<never>)
    for (const [name, task] of Object.entries(registrations.atHome ?? {}))
      this.#tasks.set(name, task as AnyTask)
  }

  /** The key of a claim that nobody else has. */
  #claimed(extension: string, where: string, { type, namespace, name }: Claim): string {
    const key = iqKey(type, where, namespace, name)
    const other = this.#owners.get(key)
    if (other !== undefined)
      throw new TidingsError(
        'TIDINGS_IQ_CLAIMED_TWICE',
        `extension "${extension}" claims <${name} xmlns="${namespace}"/> (${type}, ${where}), which "${other}" has claimed: switch one of them off`,
      )
    this.#owners.set(key, extension)
    return key
  }

  /** First part of a stanza's half: guard, then stamp. Undefined means dropped. */
  admit(stanza: Stanza, at: StageContext): Maybe<Stanza | undefined> {
    return this.#guard(stanza, at, this.#stages[at.side][stanza.kind].guard, 0)
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

  /** The claim on an IQ request, if any: looked up by the name and namespace of its child. */
  claim(type: string, place: Place, namespace: string, name: string): IqRegistration | undefined {
    return this.#iq.get(iqKey(type, place, namespace, name))
  }

  /** The claim on a request before sign-in, if any. */
  claimBeforeSignIn(type: string, namespace: string, name: string): NewStreamRegistration | undefined {
    return this.#beforeSignIn.get(iqKey(type, BEFORE_SIGN_IN, namespace, name))
  }

  /** The stream features before sign-in of all extensions, in load order. */
  featuresBeforeSignIn(): Element[] {
    return this.#features.flatMap(features => features())
  }

  /** Namespaces of what may be asked for along with being bound: XEP-0386 §3.1. */
  bindingFeatures(): string[] {
    return this.#binding.flatMap(({ asked }) => (asked === undefined ? [] : [asked[1]]))
  }

  /** XEP-0386 §3.2: does what a session that is being bound has asked for, in load order; gives `<bound/>`. */
  bindInline(session: Session, asked: Element): Maybe<Element> {
    const bound = xml('bound', { xmlns: NS.bind2 })
    const wanted = this.#binding.filter(({ asked: child }) => child === undefined || asked.getChild(...child))
    const done = eachInOrder(wanted, ({ handler }) =>
      attempt(
        () => then(handler(session), answer => void (answer && bound.cnode(answer))),
        err => this.#failed('session:bound', err),
      ),
    )
    return then(done, () => bound)
  }

  /** The claim on presence of this type, if any. */
  presenceClaim(stanza: Stanza, side: Side): PresenceRegistration | undefined {
    if (stanza.kind !== 'presence' || stanza.type === undefined) return undefined
    return this.#presence[side].get(stanza.type)
  }

  /** What an account has sent since then (ms since 1970), as far as anybody keeps it. */
  async sent(account: JID, since: number): Promise<readonly SentMessage[]> {
    return (await Promise.all(this.#sent.map(ask => ask(account, since)))).flat()
  }

  /** Owners (bare JIDs' texts) of whom extensions know something, be it that they have no sessions. */
  get known(): string[] {
    return [...this.#moving.values()].flatMap(({ owners }) => [...(owners?.() ?? [])])
  }

  /** What the extensions know of an owner, for the next home; by their names. */
  packed(owner: JID): Record<string, unknown> {
    const packed: Record<string, unknown> = {}
    for (const [name, { pack }] of this.#moving) {
      const state = pack?.(owner)
      if (state !== undefined) packed[name] = state
    }
    return packed
  }

  /** What an extension of the former home of an owner has packed. */
  unpack(name: string, owner: JID, packed: unknown): void {
    this.#moving.get(name)?.unpack?.(owner, packed)
  }

  /** The home of these owners is another node, or has been. */
  forget(which: (owner: string) => boolean): void {
    for (const { forget } of this.#moving.values()) forget?.(which)
  }

  /** A task at the home of an owner, where the extension that has it is on. */
  task(name: string): AnyTask | undefined {
    return this.#tasks.get(name)
  }

  /** Calls every handler of an event in load order. A handler that fails is logged; the others still run. */
  emit<E extends keyof Events>(name: E, event: Events[E]): Maybe<void> {
    const handlers = this.#events.get(name) as Handler<E>[] | undefined
    if (handlers === undefined) return
    return eachInOrder(handlers, handler =>
      attempt(
        () => then(handler(event), () => undefined),
        err => this.#failed(name, err),
      ),
    )
  }

  #failed(event: keyof Events, err: unknown): undefined {
    this.#log.error({ code: 'TIDINGS_EVENT_HANDLER_FAILED', event, err }, 'an event handler failed')
    return undefined
  }

  #interested<S extends keyof Stages>(stage: S, stanza: Stanza, side: Side): readonly StageOf<S>[] {
    const all = this.#stages[side][stanza.kind][stage] as StageOf<S>[]
    let concerned = 0
    for (let i = nextFor(stanza, all, 0); i < all.length; i = nextFor(stanza, all, i + 1)) concerned++
    if (concerned === 0) return NONE
    return concerned === all.length ? all : all.filter(one => concerns(one, stanza))
  }
}

function tables(): Record<Kind, StageTable> {
  const table = (): StageTable => ({ guard: [], stamp: [], record: [], copy: [], outcome: [] })
  return { message: table(), presence: table(), iq: table() }
}

const NONE: readonly never[] = []

function joined(some: readonly Write[], more: readonly Write[]): readonly Write[] {
  if (some.length === 0) return more
  return more.length === 0 ? some : [...some, ...more]
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

/** Where requests before sign-in are claimed; the others have a Place. */
const BEFORE_SIGN_IN = 'before sign-in'

type Claim = Pick<IqRegistration, 'type' | 'namespace' | 'name'>

function iqKey(type: string, where: string, namespace: string, name: string): string {
  return `${type} ${where} ${name} ${namespace}`
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
