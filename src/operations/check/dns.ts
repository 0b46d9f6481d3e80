/** RFC 6120 §3.2, XEP-0368: do clients and servers find us? */
import type { SrvRecord } from 'node:dns'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import type { Config } from '../../config/config.ts'
import { type Finding, findingsAbout } from './finding.ts'

/** What is asked of DNS; `Resolver` of node:dns/promises is one, with a time-out of its own. */
export interface DnsResolver {
  resolveSrv(name: string): Promise<SrvRecord[]>
  resolve4(name: string): Promise<string[]>
  resolve6(name: string): Promise<string[]>
}

/** A service with the listener that serves it. `fallback`: where it is looked for without a record. */
const SERVICES = [
  { service: '_xmpp-client._tcp', listener: 'xmpp', fallback: 5222 },
  { service: '_xmpps-client._tcp', listener: 'xmpp-tls', fallback: undefined },
  { service: '_xmpp-server._tcp', listener: 'server', fallback: 5269 },
] as const

/** RFC 6761, RFC 6762, RFC 8375: names that no public DNS knows. */
const LOCAL = /(^|\.)(localhost|local|test|invalid|example|internal|home\.arpa)$/

const { ok, warning, problem } = findingsAbout('dns')

/** Looks up every host that others are meant to find. */
export async function checkDns({ hosts, listeners }: Config, resolver: DnsResolver): Promise<Finding[]> {
  const checks = hosts.map(async ({ name }) => {
    const domain = domainToASCII(name)
    if (isLocal(domain)) return [ok(`${name} is for this machine or network only: nothing to look up`)]
    const addresses = await lookUp(() => addressesOf(domain, resolver))
    const each = SERVICES.map(async one => {
      const { [one.listener]: listener } = listeners
      const records = await lookUp(() => resolver.resolveSrv(`${one.service}.${domain}`))
      const subject = { ...one, name, addresses, port: listener === false ? undefined : listener.port }
      return judge(subject, records, resolver)
    })
    return (await Promise.all(each)).flat()
  })
  return (await Promise.all(checks)).flat()
}

function isLocal(domain: string): boolean {
  return LOCAL.test(domain) || !domain.includes('.') || isIP(domain.replace(/^\[|\]$/g, '')) !== 0
}

/** What DNS said; `undefined`: it did not answer. */
type Answer<T> = readonly T[] | undefined

interface Subject {
  readonly name: string
  readonly service: string
  readonly listener: string
  /** The port that the listener is configured for; undefined when it is off. */
  readonly port: number | undefined
  readonly fallback: number | undefined
  readonly addresses: Answer<string>
}

async function judge(
  subject: Subject,
  records: Answer<SrvRecord>,
  resolver: DnsResolver,
): Promise<Finding[]> {
  const { name, service, listener, port } = subject
  const record = `${service}.${name}`
  if (records === undefined)
    return [warning(`${record}: DNS did not answer`, 'check the name server of this machine, then try again')]
  // RFC 2782: a target of "." says that there is no such service.
  const targets = records.filter(({ name }) => name !== '' && name !== '.')
  if (port === undefined) {
    if (targets.length === 0) return []
    return [
      warning(`${record} exists, but listeners.${listener} is off`, 'switch it on, or take the record out'),
    ]
  }
  if (targets.length > 0)
    return (await Promise.all(targets.map(to => judgeTarget(record, port, to, resolver)))).flat()
  if (records.length > 0)
    return [warning(`${record} says that there is no such service`, `name this server in it, port ${port}`)]
  return judgeAbsent(record, port, subject)
}

async function judgeTarget(
  record: string,
  port: number,
  target: SrvRecord,
  resolver: DnsResolver,
): Promise<Finding[]> {
  const to = `${target.name} port ${target.port}`
  const addresses = await lookUp(() => addressesOf(target.name, resolver))
  if (addresses === undefined) return [warning(`${target.name}: DNS did not answer`, 'try again')]
  if (addresses.length === 0)
    return [
      problem(
        `${record} names ${target.name}, which has no address`,
        `give ${target.name} an A or AAAA record`,
      ),
    ]
  if (target.port !== port && port !== 0)
    return [
      warning(
        `${record} names ${to}, but the listener is configured for ${port}`,
        'write the same port in both, unless something in between forwards it',
      ),
    ]
  return [ok(`${record}: ${to} (${addresses.join(', ')})`)]
}

/** RFC 6120 §3.2.2: without SRV records the domain's own address is tried, at the standard port. */
function judgeAbsent(record: string, port: number, { name, fallback, addresses }: Subject): Finding[] {
  if (fallback === undefined) return [ok(`${record} is not there: clients use STARTTLS`)]
  if (addresses === undefined) return [warning(`${name}: DNS did not answer`, 'try again')]
  const mend = `add ${record} IN SRV 0 5 ${port} and the name of this machine`
  if (addresses.length === 0)
    return [problem(`nobody finds ${name}: it has neither ${record} nor an address`, mend)]
  if (fallback !== port && port !== 0)
    return [
      problem(`without ${record} port ${fallback} of ${name} is tried, but the listener has ${port}`, mend),
    ]
  return [ok(`${name} has no SRV record, and is found at ${addresses.join(', ')}, port ${fallback}`)]
}

async function addressesOf(name: string, resolver: DnsResolver): Promise<string[]> {
  const found = await Promise.all([
    lookUp(() => resolver.resolve4(name)),
    lookUp(() => resolver.resolve6(name)),
  ])
  if (found.every(one => one === undefined)) throw new Error('no answer')
  return found.flatMap(one => one ?? [])
}

async function lookUp<T>(ask: () => Promise<T[]>): Promise<Answer<T>> {
  try {
    return await ask()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOTFOUND' || code === 'ENODATA' ? [] : undefined
  }
}
