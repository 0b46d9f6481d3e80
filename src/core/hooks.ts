import { type Element, xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import { Claims } from './claims.ts'
import type { BeforeSignIn, BindingRegistration, Events, Moving, Registrations } from './extension.ts'
import type { AnyNodeTask, AnyTask } from './home-tasks.ts'
import type { Log } from './log.ts'
import { attempt, eachInOrder, type Maybe, then } from './maybe.ts'
import type { SentMessage } from './recollection.ts'
import type { Session } from './session.ts'
import { StageTable } from './stage-table.ts'

type Handler<E extends keyof Events> = (event: Events[E]) => Maybe<void>

/** Everything the extensions of one host have registered, ready to be run: the closed list of stages, claims and events. */
export class Hooks {
  readonly stages = new StageTable()
  readonly claims = new Claims()
  readonly #features: NonNullable<BeforeSignIn['features']>[] = []
  readonly #binding: BindingRegistration[] = []
  readonly #tasks = new Map<string, AnyTask>()
  readonly #nodeTasks = new Map<string, AnyNodeTask>()
  readonly #events = new Map<keyof Events, Handler<never>[]>()
  readonly #sent: NonNullable<Registrations<unknown>['sent']>[] = []
  readonly #moving = new Map<string, Moving>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Adds what an extension registered. A doubly claimed request is an error that names both extensions. */
  add(extension: string, registrations: Registrations<unknown>): void {
    const { iq = [], features } = registrations.beforeSignIn ?? {}
    this.claims.add(extension, registrations.iq ?? [], iq)
    this.stages.add(registrations.stages ?? [], registrations.presence ?? [])
    if (features !== undefined) this.#features.push(features)
    this.#binding.push(...(registrations.binding ?? []))
    if (registrations.moving !== undefined) this.#moving.set(extension, registrations.moving)
    if (registrations.sent !== undefined) this.#sent.push(registrations.sent)
    for (const [name, handler] of Object.entries(registrations.on ?? {}))
      push(this.#events, name as keyof Events, handler as Handler<never>)
    for (const [name, task] of Object.entries(registrations.atHome ?? {}))
      this.#tasks.set(name, task as AnyTask)
    for (const [name, task] of Object.entries(registrations.atEach ?? {}))
      this.#nodeTasks.set(name, task as AnyNodeTask)
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

  /** A task at each node, where the extension that has it is on. */
  nodeTask(name: string): AnyNodeTask | undefined {
    return this.#nodeTasks.get(name)
  }

  /** Whether anybody hears of an event. */
  hears(name: keyof Events): boolean {
    return this.#events.has(name)
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
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
