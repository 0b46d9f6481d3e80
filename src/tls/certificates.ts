/** The server's certificates: loaded, chosen by name, watched and exchanged while streams stay up. */
import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { dirname } from 'node:path'
import type { SecureContext } from 'node:tls'
import { domainToASCII } from 'node:url'
import { TidingsError } from '../core/errors.ts'
import { certificateError } from './certificate-error.ts'
import { type CertificateFiles, type CertificateSource, loadPair, type Pair } from './pair.ts'
import { Selection } from './selection.ts'
import { selfMade, unbracketed } from './self-made.ts'
import { Watcher } from './watcher.ts'

export type { CertificateFiles } from './pair.ts'

/** Which certificates to use. */
export interface CertificatesOptions {
  /** Served domains (prepared), the first of them for clients that name none; `files` is the host's own pair. */
  readonly hosts: readonly { readonly name: string; readonly files?: CertificateFiles | undefined }[]
  /** The pair for all hosts without one; absent: a self-made one, kept in `directory`. */
  readonly files?: CertificateFiles | undefined
  /** Where the self-made certificate is kept: `data/certificates`. */
  readonly directory: string
  /** Told what was loaded, at first and later, and what is wrong. Must not throw. */
  readonly report?: (event: CertificateEvent) => void
  /** Look at the files when they change, and every hour. Default true; without it call `reload()`. */
  readonly watch?: boolean
  /** Milliseconds since 1970; `core/clock.ts` fits. Default: the machine's own. */
  readonly clock?: { now(): number }
}

/** What happened to a certificate. */
export type CertificateEvent =
  | { readonly kind: 'loaded'; readonly certificate: CertificateDescription }
  | { readonly kind: 'problem'; readonly problem: TidingsError }

/** A certificate as the start screen shows it. */
export interface CertificateDescription {
  /** DNS names and addresses it is valid for. */
  readonly names: readonly string[]
  readonly expires: Date
  readonly source: CertificateSource
  /** The certificate's file. */
  readonly path: string
  /** SHA-256 of the certificate, `AB:CD:...`, for whoever must decide to trust it. */
  readonly fingerprint: string
}

/** All certificates of a server. */
export class Certificates {
  private options: CertificatesOptions
  private watcher: Watcher | undefined
  private selection: Selection
  /** Reloads run one after the other. */
  private reloading: Promise<void> = Promise.resolve()

  private constructor(options: CertificatesOptions, selection: Selection) {
    this.options = options
    this.selection = selection
    this.watch()
  }

  private watch(): void {
    if (this.options.watch !== false)
      this.watcher = new Watcher(directories(this.options), () => void this.reload())
  }

  /** Loads every pair, making the self-made one if needed. Throws a TidingsError if one can't be used. */
  static async open(options: CertificatesOptions): Promise<Certificates> {
    const selection = await select(options)
    for (const pair of selection.all()) announce(pair, options)
    checkNames(selection, options)
    return new Certificates(options, selection)
  }

  /** The context for a name sent by SNI: the host's own pair, else by SAN (exact, then wildcard), else the default. */
  secureContext(servername?: string): SecureContext {
    return this.selection.choose(servername).context
  }

  /** `SNICallback` of node:tls, bound. */
  readonly sni = (servername: string, done: (error: Error | null, context?: SecureContext) => void): void => {
    done(null, this.secureContext(servername))
  }

  /** Reads the files again. Resolves when all that changed is in use; a bad pair is reported and the old one kept. Never rejects. */
  reload(): Promise<void> {
    this.reloading = this.reloading.then(() => this.exchange())
    return this.reloading
  }

  /**
   * Uses other files from now on, and reads all of them again. Throws a TidingsError if one can't be used: then everything stays as it
   * was. The hosts are the same as before.
   */
  change(to: Pick<CertificatesOptions, 'hosts' | 'files'>): Promise<void> {
    const done = this.reloading.then(() => this.exchangeFiles({ ...this.options, ...to }))
    this.reloading = done.catch(() => {})
    return done
  }

  /** Every certificate in use, the default first. */
  describe(): CertificateDescription[] {
    return this.selection.all().map(describe)
  }

  /** Stops watching. */
  close(): void {
    this.watcher?.close()
  }

  private async exchange(): Promise<void> {
    const pairs = new Map<string, Pair>()
    for (const [slot, load] of slots(this.options)) {
      const old = this.selection.pairs.get(slot)!
      pairs.set(slot, await load(old).catch(error => keep(old, error, this.options)))
    }
    this.use(new Selection(hostNames(this.options), pairs))
  }

  private async exchangeFiles(options: CertificatesOptions): Promise<void> {
    const selection = await select(options, this.selection.all())
    this.options = options
    this.use(selection)
    this.watcher?.close()
    this.watch()
  }

  private use(selection: Selection): void {
    const before = this.selection.all()
    const fresh = selection.all().filter(pair => !before.includes(pair))
    this.selection = selection
    for (const pair of fresh) announce(pair, this.options)
    if (fresh.length > 0) checkNames(selection, this.options)
  }
}

/** Loads every pair; those whose files are in use and have not changed are taken from `known`. */
async function select(options: CertificatesOptions, known: readonly Pair[] = []): Promise<Selection> {
  const pairs = new Map<string, Pair>()
  for (const [slot, load] of slots(options)) {
    const pair = await load(undefined)
    pairs.set(slot, known.find(one => isSame(one, pair)) ?? pair)
  }
  return new Selection(hostNames(options), pairs)
}

function isSame(one: Pair, other: Pair): boolean {
  return one.fingerprint === other.fingerprint && one.files.certificate === other.files.certificate
}

type Load = (known: Pair | undefined) => Promise<Pair>

/** What has to be loaded: a pair of its own by host name, and under `''` the one for all others. */
function slots(options: CertificatesOptions): Map<string, Load> {
  const { hosts, files, directory, clock = Date } = options
  const all = new Map<string, Load>()
  const others = hosts.filter(host => host.files === undefined).map(host => host.name)
  if (files !== undefined) all.set('', known => loadPair(files, 'file', known))
  else if (others.length > 0)
    all.set('', async known => {
      const made = await selfMade({ directory, hosts: others, now: clock.now() })
      return loadPair(made, 'self-made', known)
    })
  for (const { name, files } of hosts)
    if (files !== undefined) all.set(domainToASCII(name), known => loadPair(files, 'file', known))
  return all
}

/** A-labels, which is what SNI and certificates speak. */
function hostNames(options: CertificatesOptions): string[] {
  return options.hosts.map(host => domainToASCII(host.name))
}

/** Folders to watch. Ours is not among them: nobody else writes there. */
function directories(options: CertificatesOptions): string[] {
  const pairs = [options.files, ...options.hosts.map(host => host.files)].filter(files => files !== undefined)
  return [...new Set(pairs.flatMap(files => [dirname(files.certificate), dirname(files.key)]))]
}

function keep(old: Pair, error: unknown, options: CertificatesOptions): Pair {
  const text = `${old.files.certificate} could not be loaded again; the old certificate stays in use.`
  const problem =
    error instanceof TidingsError
      ? error
      : certificateError('TIDINGS_CERTIFICATE_UNREADABLE', text, { cause: error })
  options.report?.({ kind: 'problem', problem })
  return old
}

function announce(pair: Pair, options: CertificatesOptions): void {
  options.report?.({ kind: 'loaded', certificate: describe(pair) })
  const { validFromDate, validToDate } = pair.certificate
  const now = new Date((options.clock ?? Date).now())
  if (validFromDate <= now && now <= validToDate) return
  const text = `${pair.files.certificate} is valid from ${validFromDate.toISOString()} to ${validToDate.toISOString()}: replace it.`
  options.report?.({ kind: 'problem', problem: certificateError('TIDINGS_CERTIFICATE_EXPIRED', text) })
}

function checkNames(selection: Selection, options: CertificatesOptions): void {
  for (const host of hostNames(options)) {
    const { certificate, files } = selection.choose(host)
    if (isFor(certificate, host)) continue
    const text = `${files.certificate} does not name ${host}: clients will refuse it. Give the host a pair of its own under \`hosts\`.`
    options.report?.({ kind: 'problem', problem: certificateError('TIDINGS_CERTIFICATE_NAME', text) })
  }
}

function isFor(certificate: X509Certificate, host: string): boolean {
  const address = unbracketed(host)
  return (
    (isIP(address) === 0
      ? certificate.checkHost(host, { subject: 'never' })
      : certificate.checkIP(address)) !== undefined
  )
}

function describe({ names, certificate, source, files }: Pair): CertificateDescription {
  const { validToDate: expires, fingerprint256: fingerprint } = certificate
  return { names, expires, source, path: files.certificate, fingerprint }
}
