/** The doctor: looks at everything around the server that can be wrong, and says how to mend it. */
import { existsSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { checkCertificates } from './certificates.ts'
import { checkClock } from './clock.ts'
import { checkData, checkDisk } from './data.ts'
import { checkDns, type DnsResolver } from './dns.ts'
import { type Finding, findingsAbout } from './finding.ts'
import { checkOpenFiles } from './open-files.ts'
import { checkPorts } from './ports.ts'

/** What the doctor is told. */
export interface Patient {
  readonly config: Config
  /** The port of each listener of the server that runs on this data, by name; undefined when none runs. */
  readonly running: Readonly<Record<string, number | undefined>> | undefined
  /** Looks for damage in the storage: a line for each finding. Rejects with what keeps it from looking. */
  readonly verify: () => Promise<readonly string[]>
  /** The version of Node: `26.1.0`. */
  readonly node: string
  /** The wall clock, ms since 1970. */
  readonly now: number
  readonly resolver: DnsResolver
  /** What /proc/PID/limits says of the server, or of this process where none runs; undefined on systems without. */
  readonly processLimits: string | undefined
}

/** Everything that a server with this configuration depends on. */
export async function examine(patient: Patient): Promise<Finding[]> {
  const { config, now, running } = patient
  const checks = [
    checkNode(patient.node),
    checkConfiguration(config),
    checkPorts(config.listeners, running),
    checkCertificates(config, now),
    checkClock(config.data, now),
    checkData(config),
    checkDisk(config),
    checkStorage(patient),
    checkDns(config, patient.resolver),
    checkOpenFiles(config.limits, patient.processLimits),
  ]
  return (await Promise.all(checks)).flat()
}

async function checkConfiguration({ file, hosts, later, followers }: Config): Promise<Finding[]> {
  const { ok, warning } = findingsAbout('configuration')
  return [
    ok(`${file} serves ${hosts.map(({ name }) => name).join(', ')}`),
    ...followers.map(({ extension, follows, host }) =>
      ok(
        `${host === undefined ? '' : `${host}: `}extensions.${extension} is off, since extensions.${follows} is`,
      ),
    ),
    ...later.map(({ path, later }) =>
      warning(`${path} does nothing yet: ${later.feature} comes with a later version`, `take ${path} out`),
    ),
  ]
}

/** The version that package.json pins, without which `node:sqlite` and the stripping of types are not what they should be. */
const LEAST_NODE = 26

function checkNode(version: string): Finding[] {
  const { ok, problem } = findingsAbout('node')
  if (Number.parseInt(version, 10) >= LEAST_NODE) return [ok(`Node ${version}`)]
  return [
    problem(
      `Node ${version} is too old`,
      `npm ci installs the right one; or use Node ${LEAST_NODE} or later`,
    ),
  ]
}

async function checkStorage({ config, verify }: Patient): Promise<Finding[]> {
  const { ok, problem } = findingsAbout('storage')
  if (config.storage.kind === 'memory') return [ok('in memory: there is nothing to check')]
  if (!existsSync(config.data)) return [ok('nothing is stored yet')]
  try {
    const found = await verify()
    if (found.length === 0) return [ok('sound')]
    return [problem(`the data are damaged: ${found[0]}`, 'stop the server and restore the last backup')]
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [problem(`cannot be checked: ${why}`, 'see the error codes in docs/operating.md')]
  }
}
