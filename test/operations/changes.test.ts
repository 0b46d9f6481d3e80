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

t.test('certificates of hosts wait where the hosts change', async t => {
  const tls = { certificate: 'a.crt', key: 'a.key' }
  const { live, restart } = changes({}, { hosts: [{ name: 'a.example', tls }, { name: 'localhost' }] })
  t.strictSame(live, [])
  t.ok(restart.includes('hosts[0].name') && restart.includes('hosts[0].tls.key'))
})
