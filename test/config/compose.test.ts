/** config/compose.yaml and what goes with it: no container engine is at hand, so what can be known without one. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { readConfig } from '../../src/config/load.ts'
import { extensions } from '../../src/extensions/index.ts'

const FOLDER = join(import.meta.dirname, '../../config')

interface Service {
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: object
  readonly hostname?: string
  readonly volumes?: readonly string[]
  readonly build?: { readonly context: string; readonly dockerfile: string }
}

const text = readFileSync(join(FOLDER, 'compose.yaml'), 'utf8')
const compose: {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
} = parse(text, { merge: true })
const nodes = Object.values(compose.services).filter(({ hostname }) => hostname !== undefined)
const haproxy = readFileSync(join(FOLDER, 'compose/haproxy.cfg'), 'utf8')

t.test('whoever is waited for is there and can tell when it is ready', async t => {
  for (const [name, { depends_on = {} }] of Object.entries(compose.services))
    for (const [other, { condition }] of Object.entries(depends_on)) {
      const service = compose.services[other]
      t.ok(service, `${name} waits for ${other}`)
      if (condition === 'service_healthy') t.ok(service?.healthcheck, other)
    }
})

t.test('what is mounted or built from is there', async t => {
  for (const { volumes = [], build } of Object.values(compose.services)) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':')
      t.ok(source.startsWith('.') ? existsSync(join(FOLDER, source)) : source in compose.volumes, source)
    }
    if (build !== undefined) t.ok(existsSync(join(FOLDER, build.context, build.dockerfile)), build.dockerfile)
  }
})

t.test(
  'the nodes have a configuration that can be used, with the environment that they are given',
  async t => {
    t.equal(nodes.length, 2)
    for (const { environment = {} } of nodes) {
      const given = Object.fromEntries(Object.keys(environment).map(name => [name, 'x'.repeat(16)]))
      const config = await readConfig(join(FOLDER, 'compose/tidings.yaml'), {
        extensions,
        environment: given,
      })
      t.same(config.storage.cassandra['contact-points'], ['cassandra:9042'])
      t.equal(config.cluster.redis.address, 'redis:6379')
      for (const name of ['cassandra', 'redis']) t.ok(compose.services[name], name)
      const { xmpp, 'xmpp-tls': direct, metrics } = config.listeners
      if (xmpp === false || direct === false || metrics === false) throw new Error('a listener is off')
      for (const { port } of [xmpp, direct])
        for (const { hostname } of nodes) t.match(haproxy, `server ${hostname} ${hostname}:${port}\n`)
      t.match(haproxy, `check port ${metrics.port} send-proxy-v2`)
      t.match(text, `http://127.0.0.1:${metrics.port}/health`)
    }
  },
)
