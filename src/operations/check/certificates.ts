import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { domainToASCII } from 'node:url'
import type { CertificatePair, Config } from '../../config/config.ts'
import { TidingsError } from '../../core/errors.ts'
import { loadPair } from '../../tls/pair.ts'
import { type Finding, findingsAbout } from './finding.ts'

const DAY_MS = 86_400_000
/** Left before its end, a certificate should have been renewed: the usual ones are, with 30 days to go. */
const SOON_DAYS = 21

const { ok, warning, problem } = findingsAbout('certificates')

/** Names, dates, chain and key of every certificate that the configuration asks for. */
export async function checkCertificates(config: Config, now: number): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [pair, hosts] of pairsOf(config)) findings.push(...(await checkPair(pair, hosts, now)))
  return findings
}

/** Each pair with the hosts that it is for. */
function pairsOf({ hosts, tls, data }: Config): Map<CertificatePair, string[]> {
  const made = join(data, 'certificates/self-made')
  const common = tls ?? { certificate: `${made}.crt`, key: `${made}.key` }
  const pairs = new Map<CertificatePair, string[]>()
  for (const host of hosts) {
    const pair = host.tls ?? common
    pairs.set(pair, [...(pairs.get(pair) ?? []), host.name])
  }
  return pairs
}

async function checkPair(files: CertificatePair, hosts: string[], now: number): Promise<Finding[]> {
  const { certificate: file } = files
  const selfMade = file.endsWith('/certificates/self-made.crt')
  if (selfMade && !existsSync(file)) return [ok('a self-made one will be made at the first start')]
  let chain: X509Certificate[]
  try {
    // Says what is wrong with the files, and whether they belong together.
    await loadPair(files, 'file')
    chain = certificatesIn(await readFile(file, 'utf8'))
  } catch (error) {
    if (!(error instanceof TidingsError)) throw error
    return [problem(error.message, 'see the error codes in docs/operating.md')]
  }
  const findings = [
    ...chain.flatMap((one, index) => checkDates(one, file, index, now)),
    ...hosts.flatMap(host => checkName(chain[0]!, file, host)),
    ...checkChain(chain, file, selfMade),
  ]
  const until = chain[0]!.validToDate.toISOString().slice(0, 10)
  return findings.length > 0 ? findings : [ok(`${file} is for ${hosts.join(', ')}, until ${until}`)]
}

function checkDates(certificate: X509Certificate, file: string, index: number, now: number): Finding[] {
  const which = index === 0 ? file : `certificate ${index + 1} in ${file}`
  const from = certificate.validFromDate
  const to = certificate.validToDate
  if (from.getTime() > now)
    return [
      problem(`${which} is valid from ${from.toISOString()} on only`, 'check the clock, or get another'),
    ]
  if (to.getTime() < now) return [problem(`${which} ended at ${to.toISOString()}`, 'renew it')]
  const days = Math.floor((to.getTime() - now) / DAY_MS)
  if (days >= SOON_DAYS) return []
  return [warning(`${which} ends in ${days} days`, 'renew it; the server sees the new file by itself')]
}

/** RFC 6120 §13.7.1.2: it is the domain that must be named, whatever machine serves it. */
function checkName(certificate: X509Certificate, file: string, host: string): Finding[] {
  const name = domainToASCII(host).replace(/^\[|\]$/g, '') || host.replace(/^\[|\]$/g, '')
  const named =
    isIP(name) === 0 ? certificate.checkHost(name, { subject: 'never' }) : certificate.checkIP(name)
  if (named !== undefined) return []
  return [
    problem(`${file} does not name ${host}: clients will refuse it`, `get one for ${host}, as hosts[].tls`),
  ]
}

/** RFC 8446 §4.4.2: each certificate is followed by the one that it was signed by; the last by one that clients have. */
function checkChain(chain: X509Certificate[], file: string, selfMade: boolean): Finding[] {
  for (const [index, one] of chain.entries()) {
    const next = chain[index + 1]
    if (next !== undefined && !signedBy(one, next))
      return [
        problem(
          `certificate ${index + 2} in ${file} did not sign the one before it`,
          'put them into order, your own first',
        ),
      ]
  }
  const last = chain.at(-1)!
  if (isKnown(last)) return []
  // One that is no authority (ours is none) has not "issued" itself.
  if (last.issuer === last.subject && last.verify(last.publicKey)) {
    if (selfMade)
      return [
        warning(
          'the self-made one is in use: clients ask whether to trust it',
          'set tls to one that clients know',
        ),
      ]
    return [
      warning(
        `${file} leads to ${line(last.subject)}, which clients do not know`,
        'for strangers get one from a public authority',
      ),
    ]
  }
  return [
    problem(
      `${file} ends at ${line(last.subject)}, signed by ${line(last.issuer)}, which is not in it and no public authority`,
      'append the intermediate certificates (many call that file fullchain.pem)',
    ),
  ]
}

function isKnown(certificate: X509Certificate): boolean {
  return getCACertificates('default').some(pem => {
    const authority = new X509Certificate(pem)
    return authority.fingerprint256 === certificate.fingerprint256 || signedBy(certificate, authority)
  })
}

function signedBy(certificate: X509Certificate, by: X509Certificate): boolean {
  return certificate.checkIssued(by) && certificate.verify(by.publicKey)
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map(block => new X509Certificate(block))
}

/** A distinguished name on one line. */
function line(name: string): string {
  return name.replaceAll('\n', ', ')
}
