/** What differs between two configurations, and what of it a running server can take over. */
import type { Config, HostConfig } from '../config/config.ts'
import type { AllValues } from '../config/extension-fields.ts'
import { ownOf, valuesAt } from '../config/hosts.ts'
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
    !(moved && path.startsWith('hosts')) &&
    (LIVE.test(path) || isLiveOption(path, [before, after], extensions))
  return { live: paths.filter(isLive), restart: paths.filter(path => !isLive(path)) }
}

/** What is in force once the live changes are: the next comparison starts from here. */
export function inForce(before: Config, after: Config, extensions: readonly Extension[]): Config {
  const { tls, limits, sessions, log } = after
  const all = optionsInForce(before.extensions, after.extensions, extensions)
  const inForceAt = (host: HostConfig, index: number): HostConfig => {
    const fresh = after.hosts[index]
    if (fresh !== undefined && names(before) === names(after))
      return { ...fresh, extensions: optionsInForce(host.extensions, fresh.extensions, extensions) }
    const own = ownOf(before.extensions, host.extensions) ?? {}
    return { ...host, extensions: valuesAt(all, own, extensions) }
  }
  return { ...before, tls, limits, sessions, log, hosts: before.hosts.map(inForceAt), extensions: all }
}

/** The old values with new ones of what is live. */
function optionsInForce(before: AllValues, after: AllValues, extensions: readonly Extension[]): AllValues {
  const values = extensions.map(({ name, options = {} }) => {
    const [old = false, fresh] = [before[name], after[name]]
    if (!old || !fresh) return [name, old] as const
    const live = Object.keys(options).filter(key => options[key]!.live)
    return [name, { ...old, ...Object.fromEntries(live.map(key => [key, fresh[key]])) }] as const
  })
  return Object.fromEntries(values)
}

/** Whether a path is that of a live option, for all hosts or one, of an extension that is on and stays so. */
function isLiveOption(path: string, configs: readonly Config[], extensions: readonly Extension[]): boolean {
  const parts = /^(?:hosts\[(\d+)\]\.)?extensions\.([\w-]+)\.([\w-]+)$/.exec(path)
  const [, host, name = '', key = ''] = parts ?? []
  const isOn = (config: Config): boolean =>
    Boolean((host === undefined ? config : config.hosts[Number(host)])?.extensions[name])
  return configs.every(isOn) && extensions.find(one => one.name === name)?.options?.[key]?.live === true
}

function names({ hosts }: Config): string {
  return hosts.map(({ name }) => name).join(' ')
}

/** Values by key path, as JSON; of the extensions of hosts, what differs from all. */
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
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      // An extension without options is on all the same.
      if (Object.keys(value).length === 0) values.set(path, '{}')
      for (const [key, one] of Object.entries(value)) walk(one, path === '' ? key : `${path}.${key}`)
    } else if (value !== undefined) values.set(path, JSON.stringify(value))
  }
  const hosts = config.hosts.map(host => ({ ...host, extensions: ownOf(config.extensions, host.extensions) }))
  walk({ ...config, hosts }, '')
  return values
}
