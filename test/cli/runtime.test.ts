/** Which Node runs the program, and which program: bin/tidings.js. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { ask } from '../support/http.ts'
import { configured, serve, start, tidings } from '../support/tidings.ts'

const ROOT = join(import.meta.dirname, '../..')

/** The machine's own Node, where that is an older one than ours. */
function olderNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'))
  return folders
    .map(folder => join(folder, 'node'))
    .find(file => {
      if (!existsSync(file)) return false
      const { stdout } = spawnSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' })
      return Number.parseInt(stdout, 10) < Number.parseInt(process.versions.node, 10)
    })
}

const node = olderNode()
const skip = node === undefined && 'not applicable: the Node of this machine is not older than the pinned one'

t.test('an older Node hands over to the pinned one', { skip }, async t => {
  t.match(await tidings(['--version'], { node: node! }), { code: 0, out: /^Tidings / })
  t.match(await tidings(['frobnicate'], { node: node! }), { code: 2 }, 'the exit code is kept')
  const { config } = await configured(t)
  const input = 'wonderland\n'
  t.match(
    await tidings(['user', 'add', 'a@localhost', '--config', config], { node: node!, input }),
    { code: 0 },
    'standard input',
  )
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = await serve(t, config, { node: node! })
    server.child.kill(signal)
    t.match(await server.ended, { code: 0, err: /"stopped"/ }, signal)
  }
})

t.test('without the pinned Node it says what to do', { skip }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bare-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const name of ['bin', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  const { code, err } = await start(['--version'], { node: node!, entry: join(folder, 'bin/tidings.js') })
    .ended
  t.equal(code, 1)
  t.match(err, /^tidings: this needs Node 26 or later, .* run "npm ci" .* \[TIDINGS_NODE_VERSION\]\n$/)
})

const linux =
  process.platform !== 'linux' && 'not applicable: needs /proc to see the command line of a process'

t.test(
  'a server has room enough for short-lived objects, unless the operator says otherwise',
  { skip: linux },
  async t => {
    const { config } = await configured(t)
    const commandLine = async (env: NodeJS.ProcessEnv) => {
      const { child, ended } = await serve(t, config, { env: { ...process.env, ...env } })
      const words = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0')
      child.kill('SIGTERM')
      await ended
      return words
    }
    const words = await commandLine({})
    t.ok(words.includes('--max-semi-space-size=16'))
    t.ok(words.includes('--expose-gc'))
    const options = `${process.env.NODE_OPTIONS ?? ''} --max-semi-space-size=8`
    t.notOk(
      (await commandLine({ NODE_OPTIONS: options })).some(word => word.startsWith('--max-semi-space-size')),
    )
  },
)

t.test('a published package runs from dist, without sources', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-package-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  // The shell takes away what the test runner hangs on every child: hooks that tsc cannot bear.
  const command = `NODE_OPTIONS= exec node '${join(ROOT, 'scripts/build.ts')}' '${folder}/dist'`
  const build = spawnSync('sh', ['-c', command], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env.PATH}` },
  })
  t.match(build, { status: 0, stdout: '' })
  for (const name of ['bin', 'config', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const entry = join(folder, 'bin/tidings.js')
  const { config } = await configured(t, {
    listeners: {
      xmpp: { port: 0, tls: 'offered' },
      'xmpp-tls': false,
      http: { address: '127.0.0.1', port: 0 },
      metrics: false,
    },
  })
  const server = await serve(t, config, { entry })
  t.match(await tidings(['user', 'add', 'a@localhost', '--password', 'x', '--config', config], { entry }), {
    code: 0,
    err: '',
  })
  t.match(await tidings(['user', 'list', '--config', config], { entry }), { out: 'a@localhost\n' })
  const [, origin] = await server.saw(/Web chat +(\S+)\/$/m)
  const page = await ask(`${origin}/`)
  t.equal(page.status, 200, 'the web chat')
  for (const [, path = ''] of page.body.matchAll(/(?:src|href)="([^"]+)"/g))
    t.equal((await ask(`${origin}${path}`)).status, 200, path)
  server.child.kill('SIGTERM')
  t.match(await server.ended, { code: 0 })
})
