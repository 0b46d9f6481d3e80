/** XEP-0163 with a real client: slixmpp's own plugins publish avatars, states, bookmarks and nodes of their own, and hear of them. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { TestServer } from '../support/test-server.ts'
import { PYTHON, withoutSlixmpp } from './slixmpp.ts'

const DRIVER = join(import.meta.dirname, 'slixmpp-pep.py')

for (const nodes of [1, 2])
  t.test(`slixmpp publishes and is told, ${nodes} node(s)`, { skip: withoutSlixmpp() }, async t => {
    const accounts = ['juliet@localhost', 'romeo@localhost'].map(jid => [jid, 'secret'] as const)
    const server = await TestServer.start({ nodes, accounts })
    t.teardown(() => server.close())
    const args = [DRIVER, 'secret', String(server.ports[0]!.tcp)]
    const { stdout } = await promisify(execFile)(PYTHON, args, { timeout: 30_000 })
    t.strictSame(stdout.trim().split('\n'), [
      'they have met',
      'avatar of juliet@localhost as told to romeo@localhost',
      'the picture is right',
      'in the card it is right',
      'avatar of juliet@localhost as told to romeo@localhost',
      'the picture is right',
      'pictures left: 0',
      'tune: If ye love me',
      'mood: in_love at last',
      'activity: relaxing reading',
      'nick: Jule',
      'location: Verona',
      'bookmarks: Balcony',
      'in private storage: Balcony',
      'then: Balcony Orchard',
      'note: one',
      'note: two',
      'note: three',
      'there are two three',
      'the second is two',
      'listed: True',
      'taken back: two',
      'purged: urn:example:notes',
      'keeps 2',
      'juliet reads for me',
      'romeo is told: not-allowed',
      'she is told of four',
      'deleted: urn:example:notes',
      'xep_0222 others read Jule',
      'xep_0223 others are told: not-allowed',
    ])
  })
