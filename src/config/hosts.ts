/** Options of extensions, host by host. */
import type { Extension } from '../core/extension.ts'
import { defaults } from '../core/options.ts'
import type { AllValues, ExtensionValues, OwnValues } from './extension-fields.ts'
import { type Follower, followersOf, withFollowers } from './followers.ts'
import type { Checked } from './schema.ts'

type Path = readonly (string | number)[]

/** Which extensions are on and with which options: for all hosts, and for each. */
export interface Decided {
  readonly extensions: AllValues
  readonly hosts: readonly (Omit<Checked['hosts'][number], 'extensions'> & {
    readonly extensions: AllValues
  })[]
  /** Of all hosts first, then those that are so at single hosts. */
  readonly followers: readonly Follower[]
}

/** Decides that. `says`: whether there is anything in the file at a path of keys. */
export function decideExtensions(
  { extensions: all, hosts }: Checked,
  extensions: readonly Extension[],
  says: (path: Path) => boolean,
): Decided {
  const isNamed = (name: string): boolean => says(['extensions', name])
  const followers = followersOf(all, extensions, isNamed)
  const decided = hosts.map((host, index) => {
    const isNamedHere = (name: string): boolean => says(['hosts', index, 'extensions', name])
    const own = Object.entries(host.extensions ?? {}).filter(([name]) => isNamedHere(name))
    const values = valuesAt(all, Object.fromEntries(own), extensions)
    const here = followersOf(values, extensions, name => isNamedHere(name) || isNamed(name))
    return { host: { ...host, extensions: withFollowers(values, here) }, here }
  })
  const single = decided.flatMap(({ host: { name }, here }) =>
    here
      .filter(({ extension }) => !followers.some(one => one.extension === extension))
      .map(one => ({ ...one, host: name })),
  )
  return {
    extensions: withFollowers(all, followers),
    hosts: decided.map(({ host }) => host),
    followers: [...followers, ...single],
  }
}

/** What holds at a host: what is said for all hosts, and in its place, key by key, what the host says itself. */
export function valuesAt(all: AllValues, own: OwnValues, extensions: readonly Extension[]): AllValues {
  const values = extensions.map(({ name, options = {} }) => {
    const [general = false, mine] = [all[name], own[name]]
    if (mine === undefined || mine === false) return [name, mine ?? general] as const
    const written = Object.entries(mine).filter(([, value]) => value !== undefined)
    return [name, { ...(general || defaults(options)), ...Object.fromEntries(written) }] as const
  })
  return Object.fromEntries(values)
}

/** What a host would have to say itself to have these values; undefined for nothing. `valuesAt` the other way round. */
export function ownOf(all: AllValues, values: AllValues): OwnValues | undefined {
  const own: Record<string, ExtensionValues> = {}
  for (const [name, here] of Object.entries(values)) {
    const general = all[name] ?? false
    if (here && general) {
      const other = Object.entries(here).filter(([key, value]) => !isSame(value, general[key]))
      if (other.length > 0) own[name] = Object.fromEntries(other)
    } else if (here !== general) own[name] = here
  }
  return Object.keys(own).length === 0 ? undefined : own
}

/** Of values that options have: lists of texts, or single ones. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
