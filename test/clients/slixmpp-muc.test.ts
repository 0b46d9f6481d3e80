/** XEP-0045 with a real client: slixmpp's own plugin makes a room, talks in it, runs it and ends it; then a group, which one leaves and comes back to. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import { TestServer } from '../support/test-server.ts'
import { PYTHON, withoutSlixmpp } from './slixmpp.ts'

const DRIVER = join(import.meta.dirname, 'slixmpp-muc.py')

for (const nodes of [1, 2])
  t.test(`slixmpp in a room, ${nodes} node(s)`, { skip: withoutSlixmpp() }, async t => {
    const people = ['juliet@localhost', 'romeo@localhost', 'nurse@localhost']
    const accounts = people.map(jid => [jid, 'secret'] as const)
    const server = await TestServer.start({ nodes, accounts })
    t.teardown(() => server.close())
    const args = [DRIVER, 'secret', String(server.ports[0]!.tcp)]
    const running = promisify(execFile)(PYTHON, args, { timeout: 30_000 })
    const { child } = running
    createInterface(child.stdout!).on('line', line => {
      if (line === '~') void server.pass(1_000).then(() => child.stdin!.write('\n'))
    })
    const { stdout } = await running
    // The plugin prints lines of its own, too.
    const said = stdout.split('\n').filter(line => line.startsWith('| '))
    t.strictSame(
      said.map(line => line.slice(2)),
      [
        "services: ['pubsub.localhost', 'rooms.localhost']",
        'rooms: True',
        "juliet enters as Jule with [] subject ''",
        'codes 110 170 201 history []',
        'romeo may not enter: item-not-found',
        'the form is of type form and asks True',
        "romeo enters as Romeo with ['Jule'] subject ''",
        'codes 110 170 history []',
        "listed: [('balcony@rooms.localhost', 'Balcony')]",
        'occupant ids: True',
        "heard from Jule What's in a name? True",
        'privately from Romeo Shall I hear more?',
        'subject: Names',
        'pings himself: result',
        'asks her: balcony@rooms.localhost/Jule True',
        'romeo is now Montague 303',
        'he is dnd climbing seen as romeo@localhost/slixmpp',
        'affiliation: member',
        "members: ['romeo@localhost']",
        "owners: ['juliet@localhost']",
        'role: moderator member',
        "moderators: ['Jule', 'Montague']",
        'he may not ban her: forbidden',
        "nurse enters as Romeo with ['Jule', 'Montague'] subject 'Names'",
        `codes 110 170 history ["What's in a name?"]`,
        'nurse may not enter: conflict',
        'kicked: 110 307 Nurse!',
        'nurse may not enter: forbidden',
        'configured: 104',
        'nurse may not enter: registration-required',
        'nurse may not enter: not-authorized',
        "nurse enters as Nurse with ['Jule', 'Montague'] subject 'Names'",
        `codes 110 170 history ["What's in a name?"]`,
        "card: 104 The balcony b'picture'",
        'left: Adieu',
        "romeo enters as Romeo with ['Jule', 'Nurse'] subject 'Names'",
        `codes 110 170 history ["What's in a name?"]`,
        'destroyed: dawn',
        'listed: 0',
        "juliet enters as Jule with [] subject ''",
        'codes 110 170 201 history []',
        'invited to orchard@rooms.localhost by juliet@localhost Tonight',
        "romeo enters as Romeo with ['Jule'] subject ''",
        "codes 100 110 170 history ['Jule added romeo']",
        'unread: 0',
        "members: ['romeo@localhost']",
        'while away he heard False unread: 2',
        "romeo enters as Romeo with ['Jule'] subject ''",
        'codes 100 110 170 history []',
        "kept: ['Art thou there?', 'Ay', 'Where art thou?', 'Romeo!']",
        'unread: 2',
        "she is told: [('romeo@localhost', 'delivered')]",
        "unread: 0 and she is told: [('romeo@localhost', 'read')]",
      ],
    )
  })
