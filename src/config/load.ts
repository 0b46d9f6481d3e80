/** Reads the configuration: YAML in, checked values out. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Document, LineCounter, parseDocument } from 'yaml'
import { TidingsError } from '../core/errors.ts'
import type { Extension } from '../core/extension.ts'
import { Checker } from './check.ts'
import type { CertificatePair, Config, Listeners } from './config.ts'
import { conflicts } from './conflicts.ts'
import { type Decided, decideExtensions } from './hosts.ts'
import { ConfigError } from './problems.ts'
import { allFields, type Checked } from './schema.ts'

/** What a configuration is read with. */
export interface Surroundings {
  /** All extensions there are: their names and options are keys. */
  readonly extensions: readonly Extension[]
  /** For `${NAME}`. Default: that of the process. */
  readonly environment?: Readonly<NodeJS.ProcessEnv>
  /** What relative paths are relative to. Default: the working directory. */
  readonly directory?: string
}

/** Reads and checks a file. Throws a ConfigError with every problem in it, or a TidingsError if it cannot be read. */
export async function readConfig(file: string, surroundings: Surroundings): Promise<Config> {
  const text = await readFile(resolve(file), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`
    throw new TidingsError('TIDINGS_CONFIG_FILE', `the configuration file ${file} ${why}: check --config`, {
      cause,
    })
  })
  return parseConfig(text, file, surroundings)
}

/** Checks the text of a configuration; `file` is what messages call it. Throws a ConfigError. */
export function parseConfig(text: string, file: string, surroundings: Surroundings): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problems = document.errors.map(({ message, pos }) => {
    const { line, col } = lines.linePos(pos[0])
    return { code: 'TIDINGS_CONFIG_SYNTAX', path: '', text: message, line, column: col } as const
  })
  if (problems.length > 0) throw new ConfigError(file, problems)
  return checkDocument(document, lines, file, surroundings)
}

/** A configuration from values in memory, in the shape of the file. Throws a ConfigError. */
export function configFrom(values: object, surroundings: Surroundings): Config {
  return checkDocument(new Document(values), new LineCounter(), 'configuration', surroundings)
}

function checkDocument(
  document: Document,
  lines: LineCounter,
  file: string,
  surroundings: Surroundings,
): Config {
  const { extensions, environment = process.env, directory = process.cwd() } = surroundings
  const checker = new Checker(document, lines, environment)
  const checked = checker.check(allFields(extensions)) as Checked
  checker.throwProblems(file)
  const decided = decideExtensions(checked, extensions, path => checker.says(path))
  const config = resolved({ ...checked, ...decided }, file, directory, checker)
  for (const { path, at, text } of conflicts(config, extensions))
    checker.report('TIDINGS_CONFIG_CONFLICT', path, text, checker.nodeAt(at))
  checker.throwProblems(file)
  return config
}

/** Makes paths absolute and decides addresses. */
function resolved(
  checked: Omit<Checked, 'hosts'> & Decided,
  file: string,
  directory: string,
  { later, written }: Checker,
): Config {
  const absolute = (pair: CertificatePair | undefined) =>
    pair && { certificate: resolve(directory, pair.certificate), key: resolve(directory, pair.key) }
  const hosts = checked.hosts.map(host => ({ ...host, tls: absolute(host.tls) }))
  const address = defaultAddress(hosts.map(({ name }) => name))
  const listeners = Object.entries(checked.listeners).map(([name, listener]) => [
    name,
    listener && decided({ ...listener, address: listener.address ?? address }),
  ])
  return {
    ...checked,
    file,
    hosts,
    tls: absolute(checked.tls),
    data: resolve(directory, checked.data),
    listeners: Object.fromEntries(listeners) as Listeners,
    later,
    written,
  }
}

/** HTTP without TLS is for this machine alone, unless somebody asks for it. */
function decided<L extends { address: readonly string[] }>(listener: L): L {
  return 'tls' in listener && listener.tls === undefined
    ? { ...listener, tls: !isLoopback(listener.address) }
    : listener
}

/** Whether only this machine can reach these addresses. */
export function isLoopback(addresses: readonly string[]): boolean {
  return addresses.every(address => address === '::1' || address.startsWith('127.'))
}

/** A server for localhost alone is nobody else's business. `::` takes IPv4 as well. */
function defaultAddress(hosts: readonly string[]): readonly string[] {
  return hosts.every(name => name === 'localhost') ? ['127.0.0.1', '::1'] : ['::']
}
