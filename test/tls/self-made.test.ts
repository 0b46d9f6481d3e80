import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { selfMade } from '../../src/tls/self-made.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 5, 1)

async function load(directory: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(directory, 'self-made.crt')))
}

t.test(
  'an ECDSA certificate for the hosts and what stands below them, readable by its owner alone',
  async t => {
    const directory = join(t.testdir(), 'data', 'certificates')
    const files = await selfMade({
      directory,
      hosts: ['localhost', 'b\u00fccher.example', '[2001:db8::1]'],
      now: NOW,
    })
    t.same(files, { certificate: join(directory, 'self-made.crt'), key: join(directory, 'self-made.key') })
    for (const path of [files.certificate, files.key]) t.equal((await stat(path)).mode & 0o777, 0o600, path)
    t.equal((await stat(directory)).mode & 0o777, 0o700)
    const certificate = await load(directory)
    t.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
    t.equal(
      certificate.subjectAltName,
      'DNS:localhost, DNS:*.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, ' +
        'DNS:xn--bcher-kva.example, DNS:*.xn--bcher-kva.example, IP Address:2001:DB8:0:0:0:0:0:1',
    )
    t.equal(certificate.subject, 'CN=localhost')
    t.equal(certificate.ca, false)
    t.same(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
    t.equal(certificate.verify(certificate.publicKey), true)
    t.ok(certificate.validFromDate.getTime() < NOW)
    t.ok(certificate.validToDate.getTime() > NOW + 4 * 365 * DAY_MS)
  },
)

t.test(
  'it is kept while it fits, and made anew when hosts change, its end is near or it is damaged',
  async t => {
    const directory = t.testdir()
    const serials: string[] = []
    const make = async (hosts: string[], days = 0) => {
      await selfMade({ directory, hosts, now: NOW + days * DAY_MS })
      serials.push((await load(directory)).serialNumber)
      return serials.at(-1) !== serials.at(-2)
    }
    await make(['a.example'])
    t.equal(await make(['a.example']), false)
    t.equal(await make(['a.example'], 5 * 365 - 31), false)
    t.equal(await make(['a.example'], 5 * 365 - 29), true, 'expires')
    t.equal(await make(['a.example', 'b.example']), true, 'a host more')
    t.equal(await make(['b.example', 'a.example']), false, 'in another order')
    t.equal(await make(['b.example']), true, 'a host less')
    await writeFile(join(directory, 'self-made.crt'), 'garbage')
    t.equal(await make(['b.example']), true, 'damaged')
    const key = await readFile(join(directory, 'self-made.key'))
    await make(['c.example'])
    await writeFile(join(directory, 'self-made.key'), key)
    t.equal(await make(['c.example']), true, 'the key of another one')
    t.equal(new Set(serials).size, 7)
  },
)

t.test('a folder that cannot be written is an error that says what to do', async t => {
  const directory = join(t.testdir({ file: 'not a folder' }), 'file')
  const attempt = selfMade({ directory, hosts: ['localhost'], now: NOW })
  await t.rejects(attempt, { code: 'TIDINGS_CERTIFICATE_UNWRITABLE', message: /ENOTDIR|EEXIST/ })
})

t.test('lengths of every kind are written well, and years after 2049', async t => {
  for (const count of [1, 3, 12, 800]) {
    const directory = join(t.testdir(), String(count))
    const hosts = Array.from({ length: count }, (_, i) => `host-${i}-${'x'.repeat(40)}.example`)
    await selfMade({ directory, hosts, now: Date.UTC(2048, 0, 1) })
    const certificate = await load(directory)
    t.equal(certificate.subjectAltName?.split(', ').length, count * 2)
    t.equal(certificate.validToDate.getUTCFullYear(), 2052)
    t.equal(certificate.verify(certificate.publicKey), true)
  }
})

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'the openssl program is not installed'
t.test('OpenSSL takes it in its strict mode', { skip }, async t => {
  const { certificate, key } = await selfMade({
    directory: t.testdir(),
    hosts: ['a.example'],
    now: Date.now(),
  })
  const run = (...parameters: string[]) => {
    const { status, stdout, stderr } = spawnSync('openssl', parameters, { encoding: 'utf8' })
    return `${status} ${stdout}${stderr}`
  }
  for (const host of ['a.example', 'rooms.a.example'])
    t.match(
      run('verify', '-x509_strict', '-verify_hostname', host, '-CAfile', certificate, certificate),
      /^0 .*OK/,
    )
  t.match(run('pkey', '-in', key, '-noout', '-check'), /^0 /)
})
