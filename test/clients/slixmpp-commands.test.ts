/** XEP-0050, XEP-0133 and XEP-0401 with a real client and a real process: slixmpp's own plugin lists the commands and runs them. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { ServerProcess } from '../support/server-process.ts'
import { withoutSlixmpp } from './slixmpp.ts'

const DRIVER = join(import.meta.dirname, 'slixmpp-commands.py')
const INVITE = 'urn:xmpp:invite#invite (Invite user)'

t.test('slixmpp invites', { skip: withoutSlixmpp() }, async t => {
  const server = await ServerProcess.start({
    accounts: [
      ['romeo@localhost', 'secret'],
      ['nurse@localhost', 'secret', 'admin'],
    ],
  })
  t.teardown(() => server.stop())
  /** The lines that the driver prints. */
  const run = async (name: string): Promise<string[]> => {
    const trusted = join(server.data, 'certificates', 'self-made.crt')
    const args = [DRIVER, `${name}@localhost`, 'secret', String(server.ports.tcp), trusted]
    const { stdout } = await promisify(execFile)('/usr/bin/python3', args, { timeout: 20_000 })
    return stdout.trim().split('\n')
  }

  await t.test('a user', async t => {
    const [commands, ...lines] = await run('romeo')
    t.equal(commands, `commands: ${INVITE}`)
    t.match(lines, [
      'completed uri landing-url expire',
      /^xmpp:romeo@localhost\?roster;preauth=\w{24};ibr=y$/,
      'refused: forbidden',
    ])
  })

  await t.test('an administrator', async t => {
    const [commands, ...lines] = await run('nurse')
    t.match(
      commands,
      /http:\/\/jabber\.org\/protocol\/admin#add-user \(Add user\).*#create-account \(Create account\)/,
    )
    t.match(commands, INVITE)
    t.match(lines, [
      'completed uri landing-url expire',
      /^xmpp:nurse@localhost\?roster;preauth=\w{24};ibr=y$/,
      'asked for username (text-single) roster-subscription (boolean)',
      'completed uri landing-url expire',
      /^xmpp:juliet@localhost\?register;preauth=\w{24}$/,
      'executing complete',
      'canceled',
      'refused: not-allowed',
      'refused: bad-request the passwords are not the same',
      'completed mercutio@localhost was added',
      'completed mercutio@localhost deleted',
    ])
  })
})
