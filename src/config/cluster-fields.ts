/** The keys of `cluster`. */
import { option } from '../core/options.ts'
import { choice, integer, type Leaf, section, text } from './fields.ts'
import { ADDRESS, ENDPOINT, LOCATION } from './formats.ts'

const endpoints = (doc: string): Leaf<readonly string[]> => ({
  kind: 'texts',
  doc,
  default: [],
  format: ENDPOINT,
  single: true,
})

const redis = section(
  'How Redis is reached: a server (`address`), one that Sentinels name, or a Redis Cluster (`nodes`).',
  {
    address: { ...text({ doc: 'A server.', default: '127.0.0.1:6379' }), format: ENDPOINT } as Leaf<string>,
    sentinels: endpoints('Sentinels, in place of `address`.'),
    master: text({ doc: 'The name that the Sentinels have for the server.', default: 'tidings' }),
    nodes: endpoints('Some nodes of a Redis Cluster, in place of `address`. They tell of the others.'),
    user: text({ doc: 'Who signs in; empty: the default user.', default: '' }),
    password: text({ doc: 'The password; best taken from the environment. Empty: none.', default: '' }),
    'sentinel-password': text({ doc: 'The password of the Sentinels. Empty: none.', default: '' }),
    database: integer({
      doc: 'The number of the database. A Redis Cluster has only 0.',
      default: 0,
      min: 0,
      max: 9999,
    }),
    tls: option.boolean({
      doc: 'Whether connections are encrypted, and the certificate checked.',
      default: false,
    }),
    prefix: text({
      doc: 'What all keys begin with: another one for each cluster that shares a Redis.',
      default: 'tidings',
    }),
  },
)

const announce: Leaf<string | undefined> = {
  kind: 'text',
  doc: 'Where other nodes reach this one: a host, perhaps with a port.',
  default: undefined,
  defaultDoc: '`address`; where that is all addresses, the name of the machine',
  format: LOCATION,
}

const links = section(
  'The direct links between nodes, over which all stanzas go. For the network of the nodes alone.',
  {
    address: {
      ...text({ doc: 'The IP address to listen at for other nodes.', default: '127.0.0.1' }),
      format: ADDRESS,
    } as Leaf<string>,
    port: integer({ doc: 'The TCP port; 0 takes a free one.', default: 5270, min: 0, max: 65535 }),
    announce,
    secret: text({
      doc: 'What all nodes know and nobody else does, of 16 characters or more; best taken from the environment. Whoever knows it can read and write everything.',
      default: '',
    }),
    tls: option.boolean({
      doc: 'Whether links are encrypted, with a key made of `secret`. The same at all nodes. For networks that others may listen on.',
      default: false,
    }),
  },
)

/** How several nodes are one server. */
export const CLUSTER = section('How several nodes are one server.', {
  kind: choice({
    doc: '`local`: one node. `redis`: as many as are started, which meet in Redis.',
    default: 'local',
    choices: ['local', 'redis'],
  }),
  redis,
  links,
})
