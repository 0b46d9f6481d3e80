import { mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type CertificateEvent, Certificates, type CertificatesOptions } from '../../src/tls/certificates.ts'
import { handshake, writePair } from './support.ts'

const DAY_MS = 86_400_000

interface Opened {
  certificates: Certificates
  /** What was reported, as `loaded <first name>` or `<code>`. */
  events: string[]
}

async function open(options: Partial<CertificatesOptions> & { directory: string }): Promise<Opened> {
  const events: string[] = []
  const report = (event: CertificateEvent) =>
    events.push(event.kind === 'loaded' ? `loaded ${event.certificate.names[0]}` : event.problem.code)
  const hosts = [{ name: 'a.example' }]
  return { certificates: await Certificates.open({ hosts, watch: false, report, ...options }), events }
}

/** The subject of the certificate that a client sees under this name. */
async function shown(certificates: Certificates, servername?: string): Promise<string> {
  const server = { secureContext: certificates.secureContext(), SNICallback: certificates.sni }
  const ends = await handshake(server, servername === undefined ? {} : { servername })
  const { subject } = ends.client.getPeerX509Certificate()!
  await ends.close()
  return subject.replace('CN=', '')
}

t.test('without any file: one self-made certificate for all hosts', async t => {
  const directory = t.testdir()
  const { certificates, events } = await open({
    directory,
    hosts: [{ name: 'a.example' }, { name: 'b.example' }],
  })
  t.same(events, ['loaded a.example'])
  const [only, ...others] = certificates.describe()
  t.same(others, [])
  t.match(only, {
    names: ['a.example', '*.a.example', 'b.example', '*.b.example'],
    source: 'self-made',
    path: join(directory, 'self-made.crt'),
  })
  t.ok(only!.expires.getTime() > Date.now() + 4 * 365 * DAY_MS)
  for (const name of ['b.example', undefined, 'else.example'])
    t.equal(await shown(certificates, name), 'a.example')
})

t.test(
  'the certificate is chosen by host, exact name, wildcard, in this order; else the default',
  async t => {
    const directory = t.testdir()
    const files = await writePair(directory, 'main', ['main.example', '*.main.example', 'b.example'])
    const exact = await writePair(directory, 'exact', ['c.example', 'deep.main.example', '*.wild.example'])
    const odd = await writePair(directory, 'odd', ['other.example'])
    const { certificates, events } = await open({
      directory,
      files,
      hosts: [
        { name: 'main.example' },
        { name: 'c.example', files: exact },
        { name: 'b.example', files: odd },
      ],
    })
    t.same(events, [
      'loaded main.example',
      'loaded c.example',
      'loaded other.example',
      'TIDINGS_CERTIFICATE_NAME',
    ])
    t.same(
      certificates.describe().map(({ path, source }) => [path, source]),
      [files, exact, odd].map(({ certificate }) => [certificate, 'file']),
    )
    const expected: [string | undefined, string][] = [
      ['main.example', 'main.example'],
      ['MAIN.example', 'main.example'],
      ['x.main.example', 'main.example'],
      ['deep.main.example', 'c.example'],
      ['x.wild.example', 'c.example'],
      ['X.WILD.example', 'c.example'],
      ['x.y.wild.example', 'main.example'],
      ['wild.example', 'main.example'],
      ['b.example', 'other.example'],
      ['other.example', 'other.example'],
      ['nobody.example', 'main.example'],
      [undefined, 'main.example'],
    ]
    for (const [servername, subject] of expected)
      t.equal(await shown(certificates, servername), subject, servername ?? 'no name')
  },
)

t.test('hosts with files of their own and hosts without go together', async t => {
  const directory = t.testdir()
  const files = await writePair(directory, 'a', ['a.example'])
  const hosts = [{ name: 'a.example', files }, { name: 'b.example' }]
  const { certificates } = await open({ directory, hosts })
  t.same(
    certificates.describe().map(({ names, source }) => [source, ...names]),
    [
      ['file', 'a.example'],
      ['self-made', 'b.example', '*.b.example'],
    ],
  )
  const all = await open({ directory, hosts: hosts.slice(0, 1) })
  t.equal(all.certificates.describe().length, 1, 'nothing is made where nothing is needed')
})

t.test('a name in another script is looked for as A-label', async t => {
  const directory = t.testdir()
  const files = await writePair(directory, 'idn', ['xn--bcher-kva.example'])
  const { certificates, events } = await open({ directory, hosts: [{ name: 'b\u00fccher.example', files }] })
  t.same(events, ['loaded xn--bcher-kva.example'])
  t.equal(await shown(certificates, 'xn--bcher-kva.example'), 'xn--bcher-kva.example')
})

t.test('files that cannot be used stop the start, each with its code', async t => {
  const directory = t.testdir({ garbage: 'garbage' })
  const good = await writePair(directory, 'good', ['a.example'])
  const other = await writePair(directory, 'other', ['a.example'])
  const garbage = join(directory, 'garbage')
  const missing = join(directory, 'missing')
  const cases: [object, string, string][] = [
    [{ ...good, certificate: missing }, 'TIDINGS_CERTIFICATE_UNREADABLE', missing],
    [{ ...good, key: missing }, 'TIDINGS_CERTIFICATE_UNREADABLE', missing],
    [{ ...good, certificate: garbage }, 'TIDINGS_CERTIFICATE_INVALID', garbage],
    [{ ...good, key: garbage }, 'TIDINGS_CERTIFICATE_INVALID', garbage],
    [{ ...good, certificate: good.key }, 'TIDINGS_CERTIFICATE_INVALID', good.key],
    [{ ...good, key: other.key }, 'TIDINGS_CERTIFICATE_KEY_MISMATCH', other.key],
  ]
  for (const [files, code, path] of cases)
    await t.rejects(
      open({ directory, files: files as typeof good }),
      { code, message: new RegExp(path) },
      code,
    )
})

t.test('what is only wrong about time or name is told, and used', async t => {
  const directory = t.testdir()
  const files = await writePair(directory, 'old', ['b.example'], -1)
  const { certificates, events } = await open({ directory, files })
  t.same(events, ['loaded b.example', 'TIDINGS_CERTIFICATE_EXPIRED', 'TIDINGS_CERTIFICATE_NAME'])
  t.equal(await shown(certificates, 'a.example'), 'b.example')
})

t.test('reload exchanges what changed, keeps the old pair where the new one is bad, and says so', async t => {
  const directory = t.testdir()
  const files = await writePair(directory, 'a', ['a.example'])
  const own = await writePair(directory, 'b', ['b.example'])
  const hosts = [{ name: 'a.example' }, { name: 'b.example', files: own }]
  const { certificates, events } = await open({ directory, files, hosts })
  events.length = 0
  const before = certificates.secureContext('a.example')
  await certificates.reload()
  t.same(events, [])
  t.equal(certificates.secureContext('a.example'), before)

  await writePair(directory, 'a', ['new.example', 'a.example'])
  await certificates.reload()
  t.same(events.splice(0), ['loaded new.example'])
  t.equal(await shown(certificates, 'a.example'), 'new.example')
  t.equal(await shown(certificates, 'b.example'), 'b.example')

  await writeFile(files.key, 'half a key')
  await writePair(directory, 'b', ['newer.example', 'b.example'])
  await certificates.reload()
  t.same(events.splice(0), ['TIDINGS_CERTIFICATE_INVALID', 'loaded newer.example'])
  t.equal(await shown(certificates, 'a.example'), 'new.example', 'the old one is still shown')
  t.equal(await shown(certificates, 'b.example'), 'newer.example')

  await unlink(files.certificate)
  await Promise.all([certificates.reload(), certificates.reload()])
  t.same(events.splice(0), ['TIDINGS_CERTIFICATE_UNREADABLE', 'TIDINGS_CERTIFICATE_UNREADABLE'])

  await writePair(directory, 'a', ['last.example', 'a.example'])
  await certificates.reload()
  t.same(events, ['loaded last.example'])
  t.equal(await shown(certificates), 'last.example')
})

t.test('the self-made one is renewed while the server runs', async t => {
  const directory = t.testdir()
  let now = Date.now()
  const { certificates, events } = await open({ directory, clock: { now: () => now } })
  const [first] = certificates.describe()
  now = first!.expires.getTime() - 10 * DAY_MS
  await certificates.reload()
  t.same(events, ['loaded a.example', 'loaded a.example'])
  t.ok(certificates.describe()[0]!.expires > first!.expires)
})

t.test('files are watched: written anew, replaced by renaming, linked to another folder', async t => {
  const directory = t.testdir()
  const live = join(directory, 'live')
  await mkdir(live)
  const files = await writePair(live, 'a', ['first.example', 'a.example'])
  let loaded = (_name: string) => {}
  const next = () => new Promise<string>(resolve => (loaded = resolve))
  const certificates = await Certificates.open({
    hosts: [{ name: 'a.example' }],
    files,
    directory,
    report: event => event.kind === 'loaded' && loaded(event.certificate.names[0]!),
  })
  // Watching keeps no process alive, and so not this one either.
  const alive = setInterval(() => {}, 1_000)
  t.teardown(() => {
    clearInterval(alive)
    certificates.close()
  })

  let change = next()
  await writePair(live, 'a', ['written.example', 'a.example'])
  t.equal(await change, 'written.example')

  change = next()
  const fresh = await writePair(directory, 'fresh', ['renamed.example', 'a.example'])
  await rename(fresh.key, files.key)
  await rename(fresh.certificate, files.certificate)
  t.equal(await change, 'renamed.example')

  change = next()
  const archive = await writePair(directory, 'archive', ['linked.example', 'a.example'])
  for (const part of ['key', 'certificate'] as const) {
    await symlink(archive[part], join(live, 'link'))
    await rename(join(live, 'link'), files[part])
  }
  t.equal(await change, 'linked.example')
  t.equal(await shown(certificates, 'a.example'), 'linked.example')
})

// RFC 9325 §3.1.1: TLS 1.2 at least; §4.2: forward secrecy and authenticated encryption.
t.test('old protocol versions and ciphers are refused', async t => {
  const { certificates } = await open({ directory: t.testdir() })
  const server = { secureContext: certificates.secureContext() }
  const weak = { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
  for (const maxVersion of ['TLSv1', 'TLSv1.1'] as const)
    await t.rejects(handshake(server, { ...weak, maxVersion }), { code: /^ERR_SSL|ECONNRESET/ }, maxVersion)
  const cbc = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' } as const
  await t.rejects(handshake(server, cbc), { code: /^ERR_SSL|ECONNRESET/ })
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const ends = await handshake(server, { maxVersion })
    t.equal(ends.client.getProtocol(), maxVersion)
    await ends.close()
  }
})
