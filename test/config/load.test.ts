// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { configFrom, parseConfig, readConfig } from '../../src/config/load.ts'
import { extensions } from '../../src/extensions/index.ts'

const parse = (text: string, environment: Record<string, string> = {}) =>
  parseConfig(text, 'tidings.yaml', { extensions, environment, directory: '/work' })

t.test('an empty file is the shipped default', async t => {
  const config = parse('')
  t.strictSame(config.hosts, [{ name: 'localhost', tls: undefined, extensions: config.extensions }])
  t.equal(config.data, '/work/data')
  t.equal(config.storage.kind, 'sqlite')
  t.match(config.listeners, {
    xmpp: { address: ['127.0.0.1', '::1'], port: 5222, tls: 'required' },
    'xmpp-tls': { address: ['127.0.0.1', '::1'], port: 5223 },
    server: false,
    http: { address: ['127.0.0.1', '::1'], port: 5280, tls: false, 'web-chat': true },
  })
  t.strictSame(config.later, [])
})

t.test('the file that is shipped says the same', async t => {
  const file = fileURLToPath(new URL('../../config/tidings.yaml', import.meta.url))
  const { file: _, ...shipped } = await readConfig(file, { extensions, directory: '/work' })
  const { file: __, ...built } = parse('')
  t.strictSame(shipped, built)
})

t.test('a host of the world is served at all addresses, unless told otherwise', async t => {
  const config = parse(
    'hosts: [{name: localhost}, {name: Chat.Example.ORG.}]\nlisteners: {xmpp: {address: 10.0.0.1}}',
  )
  t.strictSame(
    config.hosts.map(host => host.name),
    ['localhost', 'chat.example.org'],
  )
  t.match(config.listeners, { xmpp: { address: ['10.0.0.1'] }, 'xmpp-tls': { address: ['::'] } })
})

t.test('false switches off listeners, limits and extensions', async t => {
  const config = parse('listeners: {xmpp: false}\nlimits: {stanza-bytes: false}\nextensions: {ping: false}')
  t.equal(config.listeners.xmpp, false)
  t.equal(config.limits['stanza-bytes'], false)
  t.equal(config.extensions.ping, false)
  t.match(config.extensions.offline, { days: 7 })
})

t.test('a key with nothing below it is as if it were absent', async t => {
  const config = parse('listeners:\n  xmpp:\n    # port: 1\nextensions:\nfederation:\n  overrides:\n')
  t.match(config.listeners.xmpp, { port: 5222 })
})

t.test('paths are relative to the working directory', async t => {
  const config = parse('data: there\ntls: {certificate: a.pem, key: /etc/a.key}')
  t.equal(config.data, '/work/there')
  t.strictSame(config.tls, { certificate: '/work/a.pem', key: '/etc/a.key' })
})

t.test('variables of the environment', async t => {
  const text =
    'data: ${BASE}/data-$${BASE}\nlisteners: {xmpp: {port: "${PORT}"}, xmpp-tls: {address: ["${HERE}"]}}'
  const config = parse(text, { BASE: '/srv', PORT: '15222', HERE: '::1' })
  t.equal(config.data, '/srv/data-${BASE}')
  t.match(config.listeners, { xmpp: { port: 15222 }, 'xmpp-tls': { address: ['::1'] } })
})

t.test('a host with or without a port', async t => {
  t.equal(parse('').sessions['resume-location'], undefined)
  for (const place of ['node1.example.org', '192.0.2.1:5222', '[2001:db8::1]', '[2001:db8::1]:5222'])
    t.equal(parse(`sessions: {resume-location: "${place}"}`).sessions['resume-location'], place)
})

t.test('anchors may be used', async t => {
  const config = parse('tls: &pair {certificate: a, key: b}\nhosts: [{name: a.example, tls: *pair}]')
  t.strictSame(config.hosts[0]!.tls, config.tls)
})

t.test('the configuration of a node of a cluster, and what it must not lack', async t => {
  const file = fileURLToPath(new URL('../../config/cluster.yaml', import.meta.url))
  const names = ['CASSANDRA_PASSWORD', 'REDIS_PASSWORD', 'NODE_ADDRESS']
  const environment = Object.fromEntries(names.map(name => [name, 'something']))
  const config = await readConfig(file, {
    extensions,
    environment: { ...environment, LINK_SECRET: 'x'.repeat(16) },
  })
  t.match(config.cluster, {
    kind: 'redis',
    redis: { address: 'redis:6379' },
    links: { announce: 'something' },
  })
  t.equal(config.storage.kind, 'cassandra')
  await t.rejects(readConfig(file, { extensions, environment: { ...environment, LINK_SECRET: 'short' } }), {
    message: /cluster\.links\.secret: expected 16 characters or more/,
  })
  t.throws(
    () => configFrom({ cluster: { kind: 'redis', links: { secret: 'x'.repeat(16) } } }, { extensions }),
    /storage\.kind: expected "cassandra", which all nodes share/,
  )
})

t.test('keys whose feature comes later are accepted and told', async t => {
  const config = parse(`storage: {kind: cassandra, cassandra: {contact-points: "192.0.2.1:9043", tls: {}}}
cluster: {kind: redis, links: {secret: sixteen-characters-}}
listeners: {server: {port: 5269}, http: false}
federation: {overrides: {peer.example: "127.0.0.1:5269"}}`)
  t.match(config.storage.cassandra, { 'contact-points': ['192.0.2.1:9043'], replication: 3, tls: {} })
  t.strictSame(config.federation.overrides, { 'peer.example': '127.0.0.1:5269' })
  t.strictSame(
    config.later.map(({ path, later }) => [path, later.feature]),
    [
      ['listeners.server', 'federation with other servers'],
      ['federation.overrides', 'federation with other servers'],
    ],
  )
})

t.test('a configuration from values', async t => {
  t.equal(configFrom({ storage: { kind: 'memory' } }, { extensions }).storage.kind, 'memory')
  t.throws(() => configFrom({ storage: { kind: 'disk' } }, { extensions }), {
    message:
      '1 problem in the configuration:\nconfiguration: storage.kind: expected one of "sqlite", "memory", "cassandra", found "disk" [TIDINGS_CONFIG_VALUE]',
  })
})

t.test('files', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-'))
  t.teardown(() => import('node:fs').then(fs => fs.rmSync(folder, { recursive: true })))
  writeFileSync(join(folder, 'a.yaml'), 'hosts: [{name: a.example}]')
  t.equal((await readConfig(join(folder, 'a.yaml'), { extensions })).hosts[0]!.name, 'a.example')
  await t.rejects(readConfig('/nowhere/b.yaml', { extensions }), {
    code: 'TIDINGS_CONFIG_FILE',
    message: 'the configuration file /nowhere/b.yaml does not exist: check --config',
  })
  await t.rejects(readConfig(folder, { extensions }), {
    message: /cannot be read \(EISDIR\): check --config$/,
  })
})
