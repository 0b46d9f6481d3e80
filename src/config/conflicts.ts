import type { Extension } from '../core/extension.ts'
import type { Config } from './config.ts'
import { type Lack, lacking } from './followers.ts'
import { join } from './problems.ts'

/** Two values that do not go together. */
export interface Conflict {
  readonly path: string
  /** The keys down to the value to point at. */
  readonly at: readonly (string | number)[]
  readonly text: string
}

/** Finds what no single key can see: a host or component named twice, two listeners on one port, workers where they cannot be, an extension without one that it needs. */
export function conflicts(config: Config, extensions: readonly Extension[]): Conflict[] {
  return [
    ...hostsNamedTwice(config),
    ...componentsNamedTwice(config),
    ...portsTakenTwice(config),
    ...workersUnfit(config),
    ...needsUnmet(config, extensions),
    ...clusterUnfit(config),
  ]
}

/** For all hosts, then what is so at single hosts only. */
function* needsUnmet(
  { extensions: all, hosts }: Config,
  extensions: readonly Extension[],
): Generator<Conflict> {
  const general = lacking(all, extensions)
  for (const one of general) yield needUnmet(one, 'extensions', ['extensions'])
  for (const [index, host] of hosts.entries())
    for (const one of lacking(host.extensions, extensions))
      if (!general.some(({ extension, needs }) => extension === one.extension && needs === one.needs))
        yield needUnmet(one, `hosts[${index}].extensions`, ['hosts', index, 'extensions'])
}

function needUnmet({ extension, needs }: Lack, path: string, at: Conflict['at']): Conflict {
  return {
    path: join(path, extension),
    at: [...at, extension],
    text: `needs ${join(path, needs)}, which is off: switch that on too, or this one off`,
  }
}

function* hostsNamedTwice({ hosts }: Config): Generator<Conflict> {
  for (const [index, { name }] of hosts.entries()) {
    const first = hosts.findIndex(other => other.name === name)
    if (first === index) continue
    yield {
      path: `hosts[${index}].name`,
      at: ['hosts', index, 'name'],
      text: `expected another domain than that of hosts[${first}], found "${name}" again`,
    }
  }
}

function* componentsNamedTwice({ hosts, components }: Config): Generator<Conflict> {
  for (const [index, { name }] of components.entries()) {
    const host = hosts.findIndex(other => other.name === name)
    const first = components.findIndex(other => other.name === name)
    if (host < 0 && first === index) continue
    const other = host >= 0 ? `hosts[${host}]` : `components[${first}]`
    yield {
      path: `components[${index}].name`,
      at: ['components', index, 'name'],
      text: `expected another domain than that of ${other}, found "${name}" again`,
    }
  }
}

function* portsTakenTwice({ listeners }: Config): Generator<Conflict> {
  const taken: { name: string; port: number; address: readonly string[] }[] = []
  for (const [name, listener] of Object.entries(listeners)) {
    if (listener === false || listener.port === 0) continue
    const { port, address } = listener
    const other = taken.find(one => one.port === port && overlap(one.address, address))
    if (other !== undefined)
      yield {
        path: join(`listeners.${name}`, 'port'),
        at: ['listeners', name, 'port'],
        text: `expected another port than that of listeners.${other.name}, found ${port} again`,
      }
    taken.push({ name, port, address })
  }
}

/** RFC 2104 §3: a key of less than half of what the hash gives is weak. */
const LEAST_SECRET = 16

/** What nodes need to be one server. */
function* clusterUnfit({ cluster, storage }: Config): Generator<Conflict> {
  if (cluster.kind === 'local') return
  if (cluster.links.secret.length < LEAST_SECRET)
    yield {
      path: 'cluster.links.secret',
      at: ['cluster', 'links', 'secret'],
      text: `expected ${LEAST_SECRET} characters or more where cluster.kind is "${cluster.kind}"`,
    }
  if (storage.kind === 'sqlite')
    yield {
      path: 'storage.kind',
      at: ['storage', 'kind'],
      text: 'expected "cassandra", which all nodes share, where cluster.kind is "redis": found "sqlite"',
    }
}

/** Workers share what is on this machine, and a component has one connection. */
function* workersUnfit({ workers, storage, cluster, components }: Config): Generator<Conflict> {
  if (workers === 1) return
  const instead = (text: string) => ({
    path: 'workers',
    at: ['workers'],
    text: `expected 1 ${text}, found ${workers}`,
  })
  if (storage.kind === 'cassandra' || cluster.kind !== 'local')
    yield instead('where several nodes are one server (start one for each core)')
  else if (components.length > 0) yield instead('where there are components')
}

/** `::` listens at every address, and so does `0.0.0.0` for IPv4. */
function overlap(one: readonly string[], other: readonly string[]): boolean {
  const all = (addresses: readonly string[]) => addresses.includes('::') || addresses.includes('0.0.0.0')
  return all(one) || all(other) || one.some(address => other.includes(address))
}
