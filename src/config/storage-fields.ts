/** The keys of `storage`. */
import { choice, integer, type Leaf, section, switchable, text } from './fields.ts'
import { LOCATION, PATH } from './formats.ts'

/** A PEM file that may be left out. */
const file = (doc: string): Leaf<string | undefined> => ({
  kind: 'text',
  doc,
  default: undefined,
  defaultDoc: 'none',
  format: PATH,
})

const contactPoints: Leaf<readonly string[]> = {
  kind: 'texts',
  doc: 'Nodes to ask first: a host, or a host and a port (9042 if none is given). They tell of the others, which are asked at the same port.',
  default: ['127.0.0.1'],
  format: LOCATION,
  single: true,
}

const cassandra = section('How Cassandra 5.0 is reached, and used.', {
  'contact-points': contactPoints,
  'local-data-center': text({
    doc: 'The data centre whose nodes are asked, as Cassandra calls it.',
    default: 'datacenter1',
  }),
  keyspace: text({ doc: 'Everything is kept in this keyspace.', default: 'tidings' }),
  replication: integer({
    doc: 'How many nodes of each data centre have a copy of everything. Read by `tidings storage migrate` alone, when it makes the keyspace.',
    default: 3,
    min: 1,
    max: 9,
  }),
  consistency: choice({
    doc: 'How many nodes must have stored a write, and are asked on a read: a quorum of the local data centre, of all, of each, or all of them.',
    default: 'local_quorum',
    choices: ['local_quorum', 'quorum', 'each_quorum', 'all'],
  }),
  user: text({ doc: 'Who signs in; empty: nobody.', default: '' }),
  password: text({ doc: 'The password of `user`; best taken from the environment.', default: '' }),
  requests: integer({
    doc: 'How many requests are under way at once. The others wait.',
    default: 256,
    min: 1,
    max: 10_000,
  }),
  tls: switchable('Whether connections are encrypted.', false, {
    authority: file('PEM file of who signs the certificates of the nodes. Absent: those that Node trusts.'),
    certificate: file('PEM file of our certificate, where Cassandra asks for one.'),
    key: file('PEM file of its private key.'),
  }),
})

/** Where data is kept. */
export const STORAGE = section('Where data is kept.', {
  kind: choice({
    doc: '`sqlite`: a database in `data`. `cassandra`: a keyspace of Cassandra, made by `tidings storage migrate`. `memory`: nothing outlives the process, for tests.',
    default: 'sqlite',
    choices: ['sqlite', 'memory', 'cassandra'],
  }),
  cassandra,
})
