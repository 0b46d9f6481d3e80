import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { describeConfig } from '../../src/config/describe.ts'
import { jsonSchema } from '../../src/config/json-schema.ts'
import { extensions } from '../../src/extensions/index.ts'

const keys = describeConfig(extensions)
const at = (path: string) => keys.find(key => key.path === path)

t.test('every key has a doc line that ends a sentence, and is there once', async t => {
  const core = keys.filter(({ path }) => !path.startsWith('extensions.'))
  t.strictSame(
    core.filter(({ doc }) => !/^[A-Z`].*\.$/.test(doc)).map(({ path }) => path),
    [],
  )
  t.equal(new Set(keys.map(({ path }) => path)).size, keys.length)
})

t.test('the keys that the issue names are there', async t => {
  const named = [
    'hosts[].name',
    'hosts[].tls.certificate',
    'hosts[].tls.key',
    'data',
    'tls.certificate',
    'tls.key',
  ]
  const listeners = ['xmpp', 'xmpp-tls', 'server', 'http'].flatMap(name => [
    `listeners.${name}.address`,
    `listeners.${name}.port`,
  ])
  const others = [
    'listeners.xmpp.tls',
    'storage.kind',
    'cluster.kind',
    'federation.overrides',
    'extensions.ping',
  ]
  for (const path of [...named, ...listeners, ...others]) t.ok(at(path), path)
})

t.test('a row says what the key takes', async t => {
  t.match(at('listeners.xmpp.port'), { type: 'a whole number from 0 to 65535', default: '5222' })
  t.match(at('listeners.xmpp.address'), {
    default: 'loopback while `localhost` is the only host, else all addresses',
  })
  t.match(at('listeners.server'), { default: 'false', later: 'federation with other servers' })
  t.match(at('cluster.kind'), { type: 'one of "local", "redis"', default: '"local"' })
  t.equal(at('tls.key')?.default, undefined)
})

t.test('the shipped file names every key of the core', async t => {
  const file = fileURLToPath(new URL('../../config/tidings.yaml', import.meta.url))
  const shipped = readFileSync(file, 'utf8')
  const names = keys
    .filter(({ path }) => !path.startsWith('extensions.'))
    .map(({ path }) => path.split('.').at(-1)!)
  t.strictSame(
    names.filter(name => !new RegExp(`\\b${name.replace('[]', '')}:`).test(shipped)),
    [],
  )
})

t.test('the JSON schema', async t => {
  const schema = jsonSchema(extensions)
  t.match(schema, {
    additionalProperties: false,
    properties: {
      hosts: { type: 'array', minItems: 1, items: { required: ['name'] } },
      listeners: {
        properties: { xmpp: { anyOf: [{ const: false }, { properties: { port: { default: 5222 } } }] } },
      },
    },
  })
  t.equal(JSON.stringify(schema), JSON.stringify(jsonSchema(extensions)), 'always the same')
})
