import type { Storage } from '../storage/types.ts'
import { type Element, xml } from '../xml/element.ts'
import { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { Background } from './background.ts'
import type { Clock } from './clock.ts'
import { TidingsError } from './errors.ts'
import type { Extension, Place, Providing, Registrations } from './extension.ts'
import { Hooks } from './hooks.ts'
import type { HttpRoute } from './http-route.ts'
import { ArchiveIds } from './ids.ts'
import type { Log } from './log.ts'
import type { Maybe } from './maybe.ts'
import { Metrics } from './metrics.ts'
import { defaults } from './options.ts'
import { Requests } from './requests.ts'
import { Resends } from './resends.ts'
import type { Router } from './router.ts'
import type { Session } from './session.ts'

/** What is known of an account. */
export interface AccountDetails {
  readonly jid: JID
  readonly role: 'admin' | 'user'
  readonly disabled: boolean
  /** When it was made (ms since 1970). */
  readonly created: number
}

/** What core and extensions need of accounts. `Accounts` of auth/ is one. Whatever is refused rejects with a TidingsError. */
export interface AccountDirectory {
  /** Whether the bare JID is an account of this server. */
  exists(account: JID): Maybe<boolean>
  /** What is known of an account. */
  get(account: JID): Maybe<AccountDetails | undefined>
  /** Makes an account: `TIDINGS_ACCOUNT_EXISTS`, `TIDINGS_ACCOUNT_PASSWORD`, `TIDINGS_AUTH_BUSY`. */
  create(account: JID, password: string): Promise<void>
  /** `TIDINGS_ACCOUNT_UNKNOWN`, `TIDINGS_ACCOUNT_PASSWORD`, `TIDINGS_AUTH_BUSY`. */
  setPassword(account: JID, password: string): Promise<void>
  /** `TIDINGS_ACCOUNT_UNKNOWN` */
  setRole(account: JID, role: AccountDetails['role']): Promise<void>
  /** Lets nobody sign in any more, or again: `TIDINGS_ACCOUNT_UNKNOWN`. */
  setDisabled(account: JID, disabled: boolean): Promise<void>
  /** Accounts of a host after one of them, some at a time; none at the end. */
  list(host: string, after?: JID, limit?: number): Promise<readonly AccountDetails[]>
  /** Takes an account away, its data not yet: see `Router.forget`. False: there was none. */
  remove(account: JID): Promise<boolean>
}

/** What a host is made of. */
export interface HostParts {
  readonly domain: string
  readonly storage: Storage
  readonly accounts: AccountDirectory
  readonly router: Router
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  readonly metrics?: Metrics
  /** Where a browser finds the pages of the host, as `https://chat.example`; undefined where there are none. Known once it listens. */
  readonly web?: () => string | undefined
  /** All extensions, in load order. */
  readonly extensions: readonly Extension[]
  /** `extensions:` of the configuration: options by extension name; false switches one off. Already checked. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>> | false>>
}

interface Loaded {
  readonly extension: Extension
  readonly registrations: Registrations<unknown>
  /** The values that the extension reads. */
  readonly options: Record<string, unknown>
}

/** One served domain: its extensions, storage and sessions. */
export class Host {
  readonly domain: string
  readonly jid: JID
  readonly storage: Storage
  readonly accounts: AccountDirectory
  readonly router: Router
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  readonly metrics: Metrics
  readonly hooks: Hooks
  /** XEP-0359 */
  readonly ids: ArchiveIds
  readonly requests: Requests
  readonly resends: Resends
  readonly #web: (() => string | undefined) | undefined
  readonly #loaded = new Map<string, Loaded>()
  #revision = 0

  constructor(parts: HostParts) {
    this.jid = JID.parse(parts.domain)
    this.domain = this.jid.domain
    this.storage = parts.storage
    this.accounts = parts.accounts
    this.router = parts.router
    this.clock = parts.clock
    this.log = parts.log.child({ host: this.domain })
    this.background = parts.background
    this.metrics = parts.metrics ?? new Metrics(parts.clock)
    this.hooks = new Hooks(this.log)
    this.ids = new ArchiveIds(this.storage, this.jid)
    this.resends = new Resends(this)
    this.#web = parts.web
    this.requests = new Requests(parts.clock, request => parts.router.route(request))
    for (const extension of parts.extensions) {
      const given = parts.options?.[extension.name]
      if (given !== false) this.#load(extension, given ?? {})
    }
    parts.router.addHost(this)
  }

  #load(extension: Extension, given: Readonly<Record<string, unknown>>): void {
    for (const needed of [...(extension.requires ?? []), ...(extension.follows ?? [])])
      if (!this.#loaded.has(needed.name))
        throw new TidingsError(
          'TIDINGS_EXTENSION_MISSING',
          `extension "${extension.name}" needs "${needed.name}": switch that on too, or "${extension.name}" off`,
        )
    const options: Record<string, unknown> = { ...defaults(extension.options ?? {}), ...given }
    const registrations = extension.setup(this, options)
    this.hooks.add(extension.name, registrations)
    this.#loaded.set(extension.name, { extension, registrations, options })
  }

  /** What another extension provides. It must stand in `requires` or `follows`, so that it is loaded first. */
  use<P>(extension: Providing<P>): P {
    const loaded = this.#loaded.get(extension.name)
    if (loaded === undefined)
      throw new TidingsError(
        'TIDINGS_EXTENSION_MISSING',
        `extension "${extension.name}" is used but not loaded`,
      )
    return loaded.registrations.provides as P
  }

  /** The same of an extension that may be off, for those that do without it; it stands before them in the load order. */
  find<P>(extension: Providing<P>): P | undefined {
    return this.#loaded.get(extension.name)?.registrations.provides as P | undefined
  }

  /** The extensions in use, in load order. */
  get extensions(): Extension[] {
    return [...this.#loaded.values()].map(loaded => loaded.extension)
  }

  /** Gives the extensions in use new values of those options that they call live; of the others they keep theirs. Already checked. */
  change(options: NonNullable<HostParts['options']>): void {
    for (const [name, loaded] of this.#loaded) {
      const given = options[name]
      if (given === undefined || given === false) continue
      for (const [key, { live }] of Object.entries(loaded.extension.options ?? {}))
        if (live && key in given) loaded.options[key] = given[key]
    }
    this.#revision++
  }

  /** Another number each time that options have changed: what was made of them has to be made anew. */
  get revision(): number {
    return this.#revision
  }

  /** Where a browser finds the pages of this host, as `https://chat.example`; undefined where there are none. */
  get web(): string | undefined {
    return this.#web?.()
  }

  /** Whether an address is that of an administrator of this host. */
  async isAdmin(address: JID): Promise<boolean> {
    if (address.domain !== this.domain || address.local === '') return false
    return (await this.accounts.get(address.bare))?.role === 'admin'
  }

  /** What the extensions add to the HTTP server. */
  get routes(): readonly HttpRoute[] {
    return [...this.#loaded.values()].flatMap(({ registrations }) => registrations.http ?? [])
  }

  /** The sessions of an account whose home is this node (handlers and stages of an owner run there), in the order they were bound. */
  sessions(account: JID): readonly Session[] {
    return this.router.homes.find(account)?.sessions ?? []
  }

  /**
   * Asks somebody a request from this host. Resolves with the answer, a result or an error; rejects with a StanzaError when there is
   * none in time. Only for whoever answers to this node: the sessions whose home it is.
   */
  request(request: Stanza): Promise<Stanza> {
    return this.requests.make(request)
  }

  /** Disco features of a place, from what is loaded. */
  features(place: Place): string[] {
    const all = new Set<string>()
    for (const extension of this.extensions)
      for (const feature of extension.features?.[place] ?? []) all.add(feature)
    return [...all].sort()
  }

  /** Stream features after sign-in (RFC 6120 §4.3.2), from what is loaded. */
  get streamFeatures(): Element[] {
    return [...this.#loaded.values()].flatMap(({ extension, registrations }) => [
      ...(extension.streamFeatures ?? []).map(([name, xmlns]) => xml(name, { xmlns })),
      ...(registrations.streamFeatures?.() ?? []),
    ])
  }

  /** Those who are connected are about to be sent away, and there is no other node to go to. */
  async closing(): Promise<void> {
    for (const { registrations } of [...this.#loaded.values()].reverse()) await registrations.closing?.()
  }

  /** Stops the extensions, last first. */
  async stop(): Promise<void> {
    this.requests.stop()
    for (const { registrations } of [...this.#loaded.values()].reverse()) await registrations.stop?.()
  }
}
