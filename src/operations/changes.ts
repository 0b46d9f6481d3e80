/** What differs between two configurations, and what of it a running server can take over. */
import type { Config } from '../config/config.ts'
import type { Extension } from '../core/extension.ts'

/** Keys that differ. */
export interface Changes {
  /** Those that the running server takes over. */
  readonly live: readonly string[]
  /** Those that wait for a restart. */
  readonly restart: readonly string[]
}

/** Keys that can change while the server runs; options of extensions say so themselves. */
const LIVE = /^(tls|hosts\[\d+\]\.tls|limits|sessions|log)\./

/** Compares two configurations key by key. */
export function changesBetween(before: Config, after: Config, extensions: readonly Extension[]): Changes {
  const [old, fresh] = [flat(before), flat(after)]
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].filter(
    path => old.get(path) !== fresh.get(path),
  )
  // Another list of hosts moves their places, so that nothing can be said of one by its place.
  const moved = names(before) !== names(after)
  const isLive = (path: string): boolean =>
    (LIVE.test(path) && !(moved && path.startsWith('hosts'))) || isLiveOption(path, extensions)
  return { live: paths.filter(isLive), restart: paths.filter(path => !isLive(path)) }
}

/** What is in force once the live changes are: the next comparison starts from here. */
export function inForce(before: Config, after: Config, extensions: readonly Extension[]): Config {
  const { tls, limits, sessions, log } = after
  const hosts = names(before) === names(after) ? after.hosts : before.hosts
  const options = extensions.map(({ name, options = {} }) => {
    const [old, fresh] = [before.extensions[name], after.extensions[name]]
    if (!old || !fresh) return [name, old]
    const live = Object.keys(options).filter(key => options[key]!.live)
    return [name, { ...old, ...Object.fromEntries(live.map(key => [key, fresh[key]])) }]
  })
  return { ...before, tls, limits, sessions, log, hosts, extensions: Object.fromEntries(options) }
}

function isLiveOption(path: string, extensions: readonly Extension[]): boolean {
  const [, name, key = ''] = /^extensions\.([\w-]+)\.([\w-]+)$/.exec(path) ?? []
  return extensions.find(one => one.name === name)?.options?.[key]?.live === true
}

function names({ hosts }: Config): string {
  return hosts.map(({ name }) => name).join(' ')
}

/** Values by key path, as JSON. */
function flat({
  file: _,
  later: _later,
  followers: _followers,
  written: _written,
  ...config
}: Config): Map<string, string> {
  const values = new Map<string, string>()
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value) && value.some(one => typeof one === 'object'))
      for (const [index, one] of value.entries()) walk(one, `${path}[${index}]`)
    else if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [key, one] of Object.entries(value)) walk(one, path === '' ? key : `${path}.${key}`)
    else if (value !== undefined) values.set(path, JSON.stringify(value))
  }
  walk(config, '')
  return values
}
