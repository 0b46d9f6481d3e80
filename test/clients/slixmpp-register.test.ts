/** XEP-0077 with a real client: slixmpp's own plugin registers, changes the password and cancels. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { TestServer, type TestServerOptions } from '../support/test-server.ts'
import { withoutSlixmpp } from './slixmpp.ts'

const DRIVER = join(import.meta.dirname, 'slixmpp-register.py')
/** The last two come together, and slixmpp may look at either first. */
const LIFE = ['signed in', 'password changed', 'cancelled; stream error not-authorized']

async function serving(t: Test, options: TestServerOptions = {}): Promise<TestServer> {
  const server = await TestServer.start(options)
  t.teardown(() => server.close())
  return server
}

/** The lines that the driver prints. */
async function newcomer(server: TestServer, address: string, token = ''): Promise<string[]> {
  const args = [DRIVER, address, 'secret', String(server.ports[0]!.tcp), token]
  const { stdout } = await promisify(execFile)('/usr/bin/python3', args, { timeout: 20_000 })
  const lines = stdout.trim().split('\n')
  return lines.length < 2 ? lines : [...lines.slice(0, -2), lines.slice(-2).sort().join('; ')]
}

const skip = withoutSlixmpp()

t.test('slixmpp registers where that is open', { skip }, async t => {
  const server = await serving(t, { config: { extensions: { registration: { open: true } } } })
  t.strictSame(await newcomer(server, 'juliet@localhost'), [
    'asked for password username',
    'registered',
    ...LIFE,
  ])
})

t.test('slixmpp registers with an invitation', { skip }, async t => {
  const server = await serving(t)
  const token = await server.invite({ lifetime: 3_600_000, uses: 1 })
  t.strictSame(await newcomer(server, 'juliet@localhost', token), [
    'token accepted',
    'asked for password username',
    'registered',
    ...LIFE,
  ])
})

t.test('slixmpp understands that a name is taken', { skip }, async t => {
  const config = { extensions: { registration: { open: true } } }
  const server = await serving(t, { config, accounts: [['juliet@localhost', 'romeo']] })
  t.match(await newcomer(server, 'juliet@localhost'), ['asked for password username; conflict'])
})
