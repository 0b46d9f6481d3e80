/** Each thing that the doctor looks at, sick and healthy. */

import { execFileSync, spawnSync } from 'node:child_process'
import type { SrvRecord } from 'node:dns'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { configFrom } from '../../src/config/load.ts'
import { extensions } from '../../src/extensions/index.ts'
import { checkCertificates } from '../../src/operations/check/certificates.ts'
import { checkClock } from '../../src/operations/check/clock.ts'
import { checkData, freeSpace } from '../../src/operations/check/data.ts'
import { checkDns, type DnsResolver } from '../../src/operations/check/dns.ts'
import type { Finding } from '../../src/operations/check/finding.ts'
import { examine, type Patient } from '../../src/operations/check/index.ts'
import { checkOpenFiles } from '../../src/operations/check/open-files.ts'
import { checkPorts } from '../../src/operations/check/ports.ts'
import { selfSigned } from '../../src/tls/x509.ts'

const NOW = Date.UTC(2030, 0, 15)
const DAY_MS = 86_400_000

const configured = (values: object, directory = '/nowhere') => configFrom(values, { extensions, directory })

/** Findings in short: `level: text -> mend`. */
const short = (findings: readonly Finding[]) =>
  findings.map(({ level, text, mend }) => `${level}: ${text}${mend === undefined ? '' : ` -> ${mend}`}`)

t.test('ports: free, ours, taken', async t => {
  const other = createServer()
  await once(other.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const { listeners } = configured({
    listeners: { xmpp: { address: '127.0.0.1', port }, 'xmpp-tls': false },
  })
  const [taken] = await checkPorts(listeners, undefined)
  t.match(taken, { level: 'problem', text: /in use by another program/, mend: /set listeners\.xmpp\.port/ })
  t.match(await checkPorts(listeners, { xmpp: port }), [{ level: 'ok', text: /is our server's/ }])
  t.match(await checkPorts(listeners, { xmpp: 1 }), [{ level: 'problem' }], 'ours is elsewhere')
  other.close()
  await once(other, 'close')
  t.match(await checkPorts(listeners, undefined), [{ level: 'ok', text: /is free/ }])
  t.match(await checkPorts(listeners, { xmpp: 1 }), [{ level: 'warning', mend: /restart/ }])
  t.match(await checkPorts(listeners, { xmpp: port }), [{ level: 'warning', text: /another address/ }])
})

t.test('ports: an address of another machine', async t => {
  const { listeners } = configured({
    listeners: { xmpp: { address: '192.0.2.1', port: 1 }, 'xmpp-tls': { address: '192.0.2.1', port: 0 } },
  })
  t.match(await checkPorts(listeners, undefined), [{ level: 'problem', mend: 'set listeners.xmpp.address' }])
})

/** A configuration for a host with a certificate made for `names`. */
function certified(t: Test, names: string[], days: { from: number; to: number }) {
  const folder = t.testdir()
  const certificate = join(folder, 'a.crt')
  const key = join(folder, 'a.key')
  const made = selfSigned({
    commonName: names[0]!,
    names: names.map(dns => ({ dns })),
    notBefore: new Date(NOW + days.from * DAY_MS),
    notAfter: new Date(NOW + days.to * DAY_MS),
  })
  writeFileSync(certificate, made.certificate)
  writeFileSync(key, made.key)
  const config = configured({ hosts: [{ name: 'chat.example.org' }], tls: { certificate, key } })
  return { config, certificate, key }
}

const OWN_AUTHORITY = /leads to CN=.*, which clients do not know/

t.test('certificates: dates, names, authority', async t => {
  const good = certified(t, ['chat.example.org'], { from: -1, to: 90 })
  t.match(await checkCertificates(good.config, NOW), [{ level: 'warning', text: OWN_AUTHORITY }])
  const cases = [
    { from: -9, to: -1, finds: { level: 'problem', text: /ended at 2030-01-14/, mend: 'renew it' } },
    { from: 1, to: 9, finds: { level: 'problem', text: /is valid from 2030-01-16/ } },
    { from: -9, to: 5, finds: { level: 'warning', text: /ends in 5 days/ } },
  ]
  for (const { from, to, finds } of cases) {
    const { config } = certified(t, ['chat.example.org'], { from, to })
    t.match(await checkCertificates(config, NOW), [finds, { text: OWN_AUTHORITY }])
  }
  const { config } = certified(t, ['other.example.org'], { from: -1, to: 90 })
  const found = await checkCertificates(config, NOW)
  t.match(found[0], { level: 'problem', text: /does not name chat\.example\.org: clients will refuse it/ })
})

t.test('certificates: files that do not go together', async t => {
  const { config, certificate, key } = certified(t, ['chat.example.org'], { from: -1, to: 90 })
  const other = selfSigned({
    commonName: 'x',
    names: [{ dns: 'x' }],
    notBefore: new Date(NOW - DAY_MS),
    notAfter: new Date(NOW + DAY_MS),
  })
  const chain = readFileSync(certificate, 'utf8')
  writeFileSync(certificate, `${chain}\n${other.certificate}`)
  const [order] = await checkCertificates(config, NOW)
  t.match(order, { level: 'warning' }, 'the second one ends soon')
  const all = await checkCertificates(config, NOW)
  t.match(all.at(-1), { level: 'problem', text: /certificate 2 in .* did not sign the one before it/ })
  writeFileSync(certificate, chain)
  writeFileSync(key, other.key)
  t.match(await checkCertificates(config, NOW), [{ level: 'problem', text: /is not the key of/ }])
  writeFileSync(key, 'nonsense')
  t.match(await checkCertificates(config, NOW), [{ level: 'problem', text: /holds no private key/ }])
  t.match(await checkCertificates(configured({}), NOW), [{ level: 'ok', text: /will be made/ }])
})

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'the openssl program is not installed'

t.test('certificates: an intermediate one that is missing', { skip }, async t => {
  const folder = t.testdir()
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const authority = ['-subj', '/CN=Some Authority', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '90']
  openssl('req', '-x509', ...newKey, ...authority)
  const leaf = ['-subj', '/CN=leaf', '-addext', 'subjectAltName=DNS:chat.example.org', '-days', '90']
  openssl(
    'req',
    '-x509',
    ...newKey,
    ...leaf,
    '-keyout',
    'a.key',
    '-out',
    'a.crt',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
  )
  const tls = { certificate: at('a.crt'), key: at('a.key') }
  const config = configured({ hosts: [{ name: 'chat.example.org' }], tls })
  const missing = {
    level: 'problem',
    text: /signed by CN=Some Authority, which is not in it/,
    mend: /fullchain/,
  }
  t.match(await checkCertificates(config, Date.now()), [missing])
  writeFileSync(at('a.crt'), Buffer.concat([readFileSync(at('a.crt')), readFileSync(at('ca.crt'))]))
  const complete = { level: 'warning', text: /leads to CN=Some Authority, which clients do not know/ }
  t.match(await checkCertificates(config, Date.now()), [complete])
})

t.test('the clock', async t => {
  const folder = t.testdir({ 'tidings.db': '' })
  t.match(await checkClock(folder, Date.UTC(2001, 0)), [
    { level: 'problem', text: /this program is younger/ },
  ])
  const file = join(folder, 'tidings.db')
  utimesSync(file, new Date(NOW), new Date(NOW))
  t.match(await checkClock(folder, NOW + 1000), [{ level: 'ok' }])
  t.match(await checkClock(folder, NOW - DAY_MS), [
    { level: 'problem', text: /data were written at 2030-01-15/ },
  ])
  t.match(await checkClock(join(folder, 'no'), NOW), [{ level: 'ok' }])
})

t.test('the data folder and its disk', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const config = configured({ data })
  t.match(await checkData(config), [{ level: 'ok', text: /will be made/ }])
  mkdirSync(data)
  chmodSync(data, 0o755)
  t.match(await checkData(config), [{ level: 'warning', mend: `chmod 700 ${data}` }])
  chmodSync(data, 0o700)
  t.match(await checkData(config), [{ level: 'ok' }])
  if (process.getuid?.() !== 0) {
    chmodSync(data, 0o500)
    t.match(await checkData(config), [{ level: 'problem', mend: /chown/ }])
    chmodSync(data, 0o700)
  }
  const mib = 1024 * 1024
  t.equal(freeSpace(100 * mib, data).level, 'problem')
  t.equal(freeSpace(500 * mib, data).level, 'warning')
  t.equal(freeSpace(5000 * mib, data).level, 'ok')
})

t.test('open files', async t => {
  const limits = (most: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${most}      1  files\n`
  const { limits: configuredLimits } = configured({})
  const level = async (text: string | undefined) => (await checkOpenFiles(configuredLimits, text))[0]!.level
  t.equal(await level(limits('256')), 'problem')
  t.equal(await level(limits('4096')), 'warning')
  t.equal(await level(limits('65536')), 'ok')
  t.equal(await level(limits('unlimited')), 'ok')
  t.equal(await level(undefined), 'ok', 'no such file on other systems')
})

/** A resolver that knows these names, and none else; `'silent'` never answers. */
function resolverOf(
  srv: Record<string, [string, number][] | 'silent'>,
  a: Record<string, string[]> = {},
): DnsResolver {
  const fail = (code: string) => Promise.reject(Object.assign(new Error(code), { code }))
  return {
    async resolveSrv(name) {
      const found = srv[name]
      if (found === 'silent') return fail('ETIMEOUT')
      if (found === undefined) return fail('ENODATA')
      return found.map(([name, port]): SrvRecord => ({ name, port, priority: 0, weight: 5 }))
    },
    resolve4: async name => a[name] ?? fail('ENOTFOUND'),
    resolve6: () => fail('ENODATA'),
  }
}

t.test('dns', async t => {
  const config = configured({ hosts: [{ name: 'example.org' }] })
  const check = async (...with_: Parameters<typeof resolverOf>) =>
    short(await checkDns(config, resolverOf(...with_)))
  const here = { 'example.org': ['192.0.2.1'], 'xmpp.example.org': ['192.0.2.2'] }
  const client = '_xmpp-client._tcp.example.org'
  const optional = 'ok: _xmpps-client._tcp.example.org is not there: clients use STARTTLS'

  t.strictSame(await check({ [client]: [['xmpp.example.org', 5222]] }, here), [
    `ok: ${client}: xmpp.example.org port 5222 (192.0.2.2)`,
    optional,
  ])
  t.match(
    (await check({}))[0],
    /^problem: nobody finds example\.org: .* -> add _xmpp-client\._tcp\.example\.org IN SRV 0 5 5222/,
  )
  t.equal(
    (await check({}, here))[0],
    'ok: example.org has no SRV record, and is found at 192.0.2.1, port 5222',
  )
  t.match(
    (await check({ [client]: [['gone.example.org', 5222]] }, here))[0],
    /^problem: .* gone\.example\.org, which has no address/,
  )
  t.match(
    (await check({ [client]: [['xmpp.example.org', 5999]] }, here))[0],
    /^warning: .*port 5999, but the listener is configured for 5222/,
  )
  t.match((await check({ [client]: [['', 0]] }, here))[0], /^warning: .*no such service/)
  t.match((await check({ [client]: 'silent' }, here))[0], /^warning: .*DNS did not answer/)
  const server = await check({ '_xmpp-server._tcp.example.org': [['xmpp.example.org', 5269]] }, here)
  t.match(server[2], /^warning: .*listeners\.server is off/)
  const moved = configured({ hosts: [{ name: 'example.org' }], listeners: { xmpp: { port: 5000 } } })
  t.match(short(await checkDns(moved, resolverOf({}, here)))[0], /^problem: without .* port 5222 .* has 5000/)

  for (const name of ['localhost', 'a.localhost', 'chat.local', 'box', '127.0.0.1', '[::1]']) {
    const local = configured({ hosts: [{ name }] })
    t.match(short(await checkDns(local, resolverOf({}))), [/^ok: .*nothing to look up/], name)
  }
  const deaf: DnsResolver = {
    resolveSrv: () => Promise.reject(new Error('refused')),
    resolve4: () => Promise.reject(new Error('refused')),
    resolve6: () => Promise.reject(new Error('refused')),
  }
  t.ok(short(await checkDns(config, deaf)).every(line => line.startsWith('warning')))
})

t.test('all together', async t => {
  const data = t.testdir()
  const patient: Patient = {
    config: configured({
      data,
      listeners: { xmpp: false, 'xmpp-tls': false, http: false, server: { port: 0 } },
    }),
    running: undefined,
    node: '24.1.0',
    now: NOW,
    verify: async () => ['page 3 is lost'],
    resolver: resolverOf({}),
    processLimits: undefined,
  }
  const found = await examine(patient)
  const at = (about: string) => found.filter(one => one.about === about)
  t.match(at('storage'), [
    { level: 'problem', text: 'the data are damaged: page 3 is lost', mend: /restore/ },
  ])
  t.match(at('node'), [{ level: 'problem', text: 'Node 24.1.0 is too old' }])
  t.match(at('configuration'), [
    { level: 'ok' },
    { level: 'warning', text: /listeners\.server does nothing yet/ },
  ])
  const bare = configured({ data, listeners: patient.config.listeners, extensions: { archive: false } })
  t.match(
    (await examine({ ...patient, config: bare })).filter(({ text }) => text.startsWith('extensions.')),
    [
      { level: 'ok', text: 'extensions.sequence is off, since extensions.archive is' },
      { level: 'ok', text: 'extensions.status is off, since extensions.archive is' },
    ],
  )
  const held = await examine({ ...patient, verify: () => Promise.reject(new Error('held by process 1')) })
  t.match(
    held.find(one => one.about === 'storage'),
    { level: 'problem', text: 'cannot be checked: held by process 1' },
  )
})
