import t from 'tap'
import { configFrom } from '../../src/config/load.ts'
import { extensions } from '../../src/extensions/index.ts'
import { changesBetween, inForce } from '../../src/operations/changes.ts'

const configured = (values: object = {}) => configFrom(values, { extensions, directory: '/srv' })
const changes = (before: object, after: object) =>
  changesBetween(configured(before), configured(after), extensions)

t.test('nothing is different from itself', async t => {
  t.strictSame(changes({}, {}), { live: [], restart: [] })
  t.strictSame(
    changes({}, { limits: { depth: 64 } }),
    { live: [], restart: [] },
    'nor a default that is written',
  )
})

t.test('what can change while it runs, and what waits', async t => {
  const pair = { certificate: 'a.crt', key: 'a.key' }
  const after = {
    hosts: [{ name: 'localhost', tls: pair }],
    tls: pair,
    log: { level: 'debug' },
    limits: { depth: 10, 'close-seconds': false },
    sessions: { conflict: 'refuse' },
    data: 'elsewhere',
    listeners: { xmpp: { port: 1 }, 'xmpp-tls': false },
    extensions: {
      offline: { days: 1 },
      ping: false,
      version: { os: true },
      'contact-addresses': { abuse: ['xmpp:a'] },
    },
  }
  const { live, restart } = changes({}, after)
  t.strictSame(live.toSorted(), [
    'extensions.offline.days',
    'extensions.version.os',
    'hosts[0].tls.certificate',
    'hosts[0].tls.key',
    'limits.close-seconds',
    'limits.depth',
    'log.level',
    'sessions.conflict',
    'tls.certificate',
    'tls.key',
  ])
  for (const path of ['data', 'listeners.xmpp.port', 'extensions.ping', 'extensions.contact-addresses.abuse'])
    t.ok(restart.includes(path), path)

  const [old, fresh] = [configured(), configured(after)]
  const force = inForce(old, fresh, extensions)
  t.match(force, { data: old.data, limits: { depth: 10 }, log: { level: 'debug' }, tls: fresh.tls })
  t.match(force.extensions, {
    offline: { days: 1, 'messages-per-user': 1000 },
    ping: {},
    'contact-addresses': { abuse: [] },
  })
  t.strictSame(
    changesBetween(force, fresh, extensions),
    { live: [], restart },
    'what waits goes on to be told',
  )
})

t.test('options of hosts', async t => {
  const hosts = (a: object, b: object = {}, all: object = {}) => ({
    hosts: [
      { name: 'a.example', extensions: a },
      { name: 'b.example', extensions: b },
    ],
    extensions: all,
  })
  t.strictSame(changes(hosts({}), hosts({ offline: { days: 1 }, archive: { keep: '7d' } })), {
    live: ['hosts[0].extensions.offline.days'],
    restart: ['hosts[0].extensions.archive.keep'],
  })
  t.strictSame(
    changes(hosts({ offline: { days: 1 } }), hosts({ offline: { days: 1 } }, {}, { offline: { days: 2 } })),
    { live: ['extensions.offline.days'], restart: [] },
    'a host that says so itself keeps its own',
  )
  t.strictSame(changes(hosts({}), hosts({ ping: false })).restart, ['hosts[0].extensions.ping'])
  const pingOff = { ping: false }
  t.strictSame(changes(hosts({}, {}, pingOff), hosts({ ping: {} }, {}, pingOff)).restart, [
    'hosts[0].extensions.ping',
  ])
  const offlineOff = { offline: false }
  const switched = changes(hosts({}, {}, offlineOff), hosts({ offline: { days: 1 } }, {}, offlineOff))
  t.strictSame(switched.live, [], 'what was off is not on before a restart')
  t.ok(switched.restart.includes('hosts[0].extensions.offline.days'))
})

t.test('options of hosts in force', async t => {
  const a = (own: object, all: object = {}, more: object[] = []) =>
    configured({ hosts: [...more, { name: 'a.example', extensions: own }], extensions: all })
  const at = (before: ReturnType<typeof a>, after: ReturnType<typeof a>) =>
    inForce(before, after, extensions).hosts.map(host => host.extensions.offline)
  const [days1, days2] = [{ offline: { days: 1 } }, { offline: { days: 2 } }]
  t.match(at(a(days1), a(days2)), [{ days: 2 }])
  t.match(at(a(days1), a({}, days2)), [{ days: 2 }])
  t.strictSame(at(a({ offline: false }), a(days1)), [false])
  t.match(at(a(days1), a({ offline: false })), [{ days: 1 }])
  const other = [{ name: 'b.example' }]
  t.match(at(a({}), a({}, days2, other)), [{ days: 2 }], 'with other hosts only what is said for all is live')
  t.match(at(a(days1), a(days2, days2, other)), [{ days: 1 }])
  const waiting = a({ archive: { keep: '7d' } })
  t.strictSame(changesBetween(inForce(a({}), waiting, extensions), waiting, extensions), {
    live: [],
    restart: ['hosts[0].extensions.archive.keep'],
  })
})

t.test('certificates of hosts wait where the hosts change', async t => {
  const tls = { certificate: 'a.crt', key: 'a.key' }
  const { live, restart } = changes({}, { hosts: [{ name: 'a.example', tls }, { name: 'localhost' }] })
  t.strictSame(live, [])
  t.ok(restart.includes('hosts[0].name') && restart.includes('hosts[0].tls.key'))
})
