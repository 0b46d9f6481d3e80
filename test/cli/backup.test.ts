/** `tidings backup` and `tidings restore`, with a server that runs and without one. */
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { configured, serve, tidings } from '../support/tidings.ts'

t.test('a backup of the running server comes back with its accounts and its certificate', async t => {
  const { config, data, folder } = await configured(t)
  const server = await serve(t, config)
  await tidings(['user', 'add', 'alice@localhost', '--password', 'x', '--config', config])
  const to = join(folder, 'copies/monday')
  t.match(await tidings(['backup', to, '--config', config]), {
    code: 0,
    out: `${to} holds a whole backup.\n`,
    err: '',
  })
  t.strictSame((await readdir(to)).sort(), ['backup.json', 'certificates', 'tidings.db', 'tidings.yaml'])
  for (const file of ['backup.json', 'tidings.db', 'tidings.yaml', 'certificates/self-made.key'])
    t.equal((await stat(join(to, file))).mode & 0o777, 0o600, file)
  t.equal((await stat(to)).mode & 0o777, 0o700)

  await tidings(['user', 'add', 'bob@localhost', '--password', 'x', '--config', config])
  const refused = await tidings(['restore', to, '--config', config])
  t.match(refused, { code: 1, err: /is not empty.*\[TIDINGS_BACKUP_TARGET\]\n$/ }, 'not over what is there')
  server.child.kill('SIGTERM')
  await server.ended
  const key = await readFile(join(data, 'certificates/self-made.key'), 'utf8')
  await rm(data, { recursive: true })

  const restored = await tidings(['restore', to, '--config', config])
  t.match(restored, { code: 0, err: '' })
  t.match(
    restored.out,
    /holds the data of 20.*; they are sound\.\nNot touched: .*tidings\.yaml\. Its copy is/,
  )
  t.equal(await readFile(join(data, 'certificates/self-made.key'), 'utf8'), key)
  t.match(await tidings(['user', 'list', '--config', config]), { out: 'alice@localhost\n' }, 'as it was then')
})

t.test('named certificates are in it, and it works without a server', async t => {
  const { config, folder } = await configured(t)
  const server = await serve(t, config)
  server.child.kill('SIGTERM')
  await server.ended
  const made = join(folder, 'data/certificates/self-made')
  const pair = { certificate: `${made}.crt`, key: `${made}.key` }
  const data = join(folder, 'other')
  const named = join(folder, 'named.yaml')
  await writeFile(named, stringify({ data, tls: pair }))
  await chmod(pair.key, 0o644)
  const to = join(folder, 'copy')
  t.match(await tidings(['backup', to, '--config', named]), { code: 0 })
  t.strictSame((await readdir(join(to, 'tls'))).sort(), ['1-self-made.crt', '2-self-made.key'])
  t.equal((await stat(join(to, 'tls/2-self-made.key'))).mode & 0o777, 0o600, 'a key is private in the copy')
  t.match(JSON.parse(await readFile(join(to, 'backup.json'), 'utf8')), {
    program: /^Tidings \d/,
    hosts: ['localhost'],
    elsewhere: { [pair.key]: 'tls/2-self-made.key', [named]: 'tidings.yaml' },
  })
})

t.test('what cannot be', async t => {
  const { config, folder, data } = await configured(t)
  await mkdir(join(folder, 'full/of'), { recursive: true })
  const backup = (to: string) => tidings(['backup', join(folder, to), '--config', config])
  t.match(await backup('full'), { code: 1, err: /is not empty.*\[TIDINGS_BACKUP_TARGET\]/ })
  t.match(await backup('tidings.yaml'), {
    code: 1,
    err: /cannot be made \(EEXIST\) \[TIDINGS_BACKUP_TARGET\]/,
  })
  await rm(data, { recursive: true })
  const restore = await tidings(['restore', join(folder, 'full'), '--config', config])
  t.match(restore, { code: 1, err: /holds no whole backup.*\[TIDINGS_BACKUP_MISSING\]/ })
  t.match(await backup('copy'), { code: 0 })
  const memory = join(folder, 'memory.yaml')
  await writeFile(memory, stringify({ storage: { kind: 'memory' } }))
  const into = await tidings(['restore', join(folder, 'copy'), '--config', memory])
  t.match(into, { code: 1, err: /\[TIDINGS_BACKUP_TARGET\]/ })
  await serve(t, config)
  await writeFile(join(folder, 'copy/tidings.db'), 'no database')
  const damaged = join(folder, 'damaged.yaml')
  await writeFile(damaged, stringify({ data: join(folder, 'fresh') }))
  const bad = await tidings(['restore', join(folder, 'copy'), '--config', damaged])
  t.match(bad, { code: 1, err: /\[TIDINGS_STORAGE_CORRUPT\]/ })
})
