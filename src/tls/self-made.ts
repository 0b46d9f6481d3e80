import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import { certificateError } from './certificate-error.ts'
import type { CertificateFiles } from './pair.ts'
import { type SubjectName, selfSigned } from './x509.ts'

/** How the self-made certificate is kept. */
export interface SelfMadeOptions {
  /** Its folder, made if there is none: `data/certificates`. */
  readonly directory: string
  /** Domains it is for, prepared. */
  readonly hosts: readonly string[]
  /** Milliseconds since 1970. */
  readonly now: number
}

const DAY_MS = 86_400_000
/** Long, since whoever trusts it does so by hand. */
const VALID_DAYS = 5 * 365
const RENEW_DAYS = 30
/** A client's clock may be behind. */
const BACKDATE_DAYS = 1

/** The files of the self-made certificate; made anew if there is none, the hosts have changed or its end is near. Throws a TidingsError. */
export async function selfMade({ directory, hosts, now }: SelfMadeOptions): Promise<CertificateFiles> {
  const files = { certificate: join(directory, 'self-made.crt'), key: join(directory, 'self-made.key') }
  const names = namesOf(hosts)
  if (await isGood(files, names, now)) return files
  const made = selfSigned({
    commonName: domainToASCII(hosts[0] ?? 'localhost'),
    names,
    notBefore: new Date(now - BACKDATE_DAYS * DAY_MS),
    notAfter: new Date(now + VALID_DAYS * DAY_MS),
  })
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await replace(files.key, made.key)
    await replace(files.certificate, made.certificate)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw certificateError(
      'TIDINGS_CERTIFICATE_UNWRITABLE',
      `The certificate can't be kept in ${directory} (${why}): let this user write there, or name one in \`tls\`.`,
      { cause: error },
    )
  }
  return files
}

/** Are these files a pair, ours, for exactly these names, for long enough? */
async function isGood(files: CertificateFiles, names: readonly SubjectName[], now: number): Promise<boolean> {
  try {
    const certificate = new X509Certificate(await readFile(files.certificate))
    const key = createPrivateKey(await readFile(files.key))
    const left = certificate.validToDate.getTime() - now
    return certificate.checkPrivateKey(key) && left > RENEW_DAYS * DAY_MS && covers(certificate, names)
  } catch {
    // Missing or damaged: it is ours to make.
    return false
  }
}

function covers(certificate: X509Certificate, names: readonly SubjectName[]): boolean {
  const entries = certificate.subjectAltName?.split(', ') ?? []
  const has = (name: SubjectName) =>
    'dns' in name ? entries.includes(`DNS:${name.dns}`) : certificate.checkIP(name.address) !== undefined
  return entries.length === names.length && names.every(has)
}

/** Each host with whatever stands below it (rooms, uploads); for localhost its addresses too. */
function namesOf(hosts: readonly string[]): SubjectName[] {
  const names = hosts.flatMap((host): SubjectName[] => {
    const address = unbracketed(host)
    if (isIP(address) !== 0) return [{ address }]
    const dns = domainToASCII(host)
    const own = [{ dns }, { dns: `*.${dns}` }]
    return dns === 'localhost' ? [...own, { address: '127.0.0.1' }, { address: '::1' }] : own
  })
  const texts = names.map(name => JSON.stringify(name))
  return names.filter((_, i) => texts.indexOf(texts[i]!) === i)
}

/** An address as it stands in a JID, without the brackets around IPv6. */
export function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** Whoever reads the file meanwhile sees the old content or the new, and nobody else sees any. */
async function replace(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`
  await writeFile(temporary, content, { mode: 0o600, flag: 'wx' })
  await rename(temporary, path)
}
