import type { Storage } from '../storage/types.ts'
import { JID } from '../xml/jid.ts'
import type { Background } from './background.ts'
import type { Clock } from './clock.ts'
import { TidingsError } from './errors.ts'
import type { Extension, HttpRoute, Place, Providing, Registrations } from './extension.ts'
import { Hooks } from './hooks.ts'
import type { Log } from './log.ts'
import type { Maybe } from './maybe.ts'
import { defaults } from './options.ts'
import type { Router } from './router.ts'
import type { Session } from './session.ts'

/** What the core needs to know of accounts. `Accounts` of auth/ is one. */
export interface AccountDirectory {
  /** Whether the bare JID is an account of this server. */
  exists(account: JID): Maybe<boolean>
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
  /** All extensions, in load order. */
  readonly extensions: readonly Extension[]
  /** `extensions:` of the configuration: options by extension name; false switches one off. Already checked. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>> | false>>
}

interface Loaded {
  readonly extension: Extension
  readonly registrations: Registrations<unknown>
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
  readonly hooks: Hooks
  readonly #loaded = new Map<string, Loaded>()

  constructor(parts: HostParts) {
    this.jid = JID.parse(parts.domain)
    this.domain = this.jid.domain
    this.storage = parts.storage
    this.accounts = parts.accounts
    this.router = parts.router
    this.clock = parts.clock
    this.log = parts.log.child({ host: this.domain })
    this.background = parts.background
    this.hooks = new Hooks(this.log)
    for (const extension of parts.extensions) {
      const given = parts.options?.[extension.name]
      if (given !== false) this.#load(extension, given ?? {})
    }
    parts.router.addHost(this)
  }

  #load(extension: Extension, given: Readonly<Record<string, unknown>>): void {
    for (const needed of extension.requires ?? [])
      if (!this.#loaded.has(needed.name))
        throw new TidingsError(
          'TIDINGS_EXTENSION_MISSING',
          `extension "${extension.name}" needs "${needed.name}": switch that on too, or "${extension.name}" off`,
        )
    const options = { ...defaults(extension.options ?? {}), ...given }
    const registrations = extension.setup(this, options)
    this.hooks.add(extension.name, registrations)
    this.#loaded.set(extension.name, { extension, registrations })
  }

  /** What another extension provides. It must stand in `requires`, so that it is loaded first. */
  use<P>(extension: Providing<P>): P {
    const loaded = this.#loaded.get(extension.name)
    if (loaded === undefined)
      throw new TidingsError(
        'TIDINGS_EXTENSION_MISSING',
        `extension "${extension.name}" is used but not loaded`,
      )
    return loaded.registrations.provides as P
  }

  /** The extensions in use, in load order. */
  get extensions(): Extension[] {
    return [...this.#loaded.values()].map(loaded => loaded.extension)
  }

  /** What the extensions add to the HTTP server. */
  get routes(): readonly HttpRoute[] {
    return [...this.#loaded.values()].flatMap(({ registrations }) => registrations.http ?? [])
  }

  /** The sessions of an account whose home is this node (handlers and stages of an owner run there), in the order they were bound. */
  sessions(account: JID): readonly Session[] {
    return this.router.homes.find(account)?.sessions ?? []
  }

  /** Disco features of a place, from what is loaded. */
  features(place: Place): string[] {
    const all = new Set<string>()
    for (const extension of this.extensions)
      for (const feature of extension.features?.[place] ?? []) all.add(feature)
    return [...all].sort()
  }

  /** Stops the extensions, last first. */
  async stop(): Promise<void> {
    for (const { registrations } of [...this.#loaded.values()].reverse()) await registrations.stop?.()
  }
}
