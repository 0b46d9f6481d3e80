import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import { growingCache } from '../../xml/cache.ts'
import type { JID } from '../../xml/jid.ts'

/** What users decide for themselves, and the values it may have. Extended by declaration merging by whoever adds a setting. */
// biome-ignore lint/suspicious/noEmptyInterface: each extension declares its own
export interface SettingValues {}

/** The name of a setting. */
export type SettingName = keyof SettingValues & string

/** Something that each user decides: one of several choices. */
export interface Setting<N extends SettingName = SettingName> {
  readonly name: N
  /** What is asked. */
  readonly label: string
  /** What can be chosen, in words. */
  readonly choices: Readonly<Record<SettingValues[N], string>>
  /** For those who have not chosen. */
  readonly default: SettingValues[N]
}

type Chosen = ReadonlyMap<string, string>

const NOTHING: Chosen = new Map()
/** Most users have chosen nothing: their entry is the one empty map. */
const CACHED = 20_000

/** The settings of the accounts whose home is this node. Other extensions get it from `host.use(settings)` and add theirs at set-up. */
export class Settings {
  readonly #host: Host
  readonly #known = new Map<string, Setting>()
  readonly #table: Table<string>
  readonly #cache = growingCache<string, Chosen>(CACHED)

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table<string>('settings', 'lww')
  }

  /** Adds a setting. Throws an Error where there is one of this name. */
  add<N extends SettingName>(setting: Setting<N>): void {
    if (this.#known.has(setting.name)) throw new Error(`there are two settings ${setting.name}`)
    this.#known.set(setting.name, setting as unknown as Setting)
  }

  /** All settings, in the order they were added. */
  get all(): readonly Setting[] {
    return [...this.#known.values()]
  }

  /** What an account has chosen, or what holds for those who have not. In the owner's lane, at his home. */
  get<N extends SettingName>(owner: JID, name: N): Maybe<SettingValues[N]> {
    const setting = this.#known.get(name)
    if (setting === undefined) throw new Error(`there is no setting ${name}`)
    return then(this.#of(owner), chosen => {
      const value = chosen.get(name)
      // A choice that there is no more is as if it had not been made.
      const valid = value !== undefined && Object.hasOwn(setting.choices, value)
      return (valid ? value : setting.default) as SettingValues[N]
    })
  }

  /** Stores what an account has chosen; the rest stays. In the owner's lane, at his home. */
  set(owner: JID, values: ReadonlyMap<SettingName, string>): Maybe<void> {
    return then(this.#of(owner), before => {
      const changed = [...values].filter(([name, value]) => before.get(name) !== value)
      const writes: Write[] = changed.map(([name, value]) => this.#table.put(owner, name, value))
      return then(commit(this.#host.storage, writes, this.#host.log), () => {
        this.#cache.set(owner.toString(), new Map([...before, ...values]))
      })
    })
  }

  /** An account is no more. */
  forget(owner: JID): void {
    this.#cache.delete(owner.toString())
  }

  /** The home of these accounts is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#cache.deleteWhere(which)
  }

  #of(owner: JID): Maybe<Chosen> {
    return this.#cache.get(owner.toString()) ?? this.#read(owner)
  }

  async #read(owner: JID): Promise<Chosen> {
    const rows = await rowsOf(this.#table, owner)
    const chosen = rows.length === 0 ? NOTHING : new Map(rows.map(({ key, item }) => [key, item]))
    this.#cache.set(owner.toString(), chosen)
    return chosen
  }
}
