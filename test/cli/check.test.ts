/** `tidings check` as it is called. */

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { configured, serve, tidings } from '../support/tidings.ts'

t.test('before the first start, and while it runs', async t => {
  const { config, data } = await configured(t)
  const before = await tidings(['check', '--config', config])
  t.match(before, { code: 0, err: '' })
  t.match(before.out, /^ok +storage +nothing is stored yet$/m)
  t.match(before.out, /\n0 problems, \d+ warnings\n$/)
  t.notOk(existsSync(data), 'it changes nothing')

  const server = await serve(t, config)
  const running = await tidings(['check', '--json', '--config', config])
  t.match(running, { code: 0, err: '' })
  const { healthy, findings } = JSON.parse(running.out)
  t.equal(healthy, true)
  t.match(
    findings.filter(({ about }: { about: string }) => about === 'storage'),
    [{ level: 'ok', text: 'sound' }],
    'the running server looks for damage itself',
  )
  server.child.kill('SIGTERM')
  await server.ended
  t.match((await tidings(['check', '--config', config])).out, /^ok +storage +sound$/m, 'and without it')
})

t.test('a problem is told with how to mend it, and is the exit code', async t => {
  const other = createServer()
  await once(other.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => other.close())
  const port = (other.address() as { port: number }).port
  const { config, folder } = await configured(t, { listeners: { xmpp: { address: '127.0.0.1', port } } })
  const { code, out } = await tidings(['check', '--config', config])
  t.equal(code, 1)
  t.match(
    out,
    /^problem +ports +xmpp: port \d+ at 127\.0\.0\.1 is in use by another program\n +-> stop that program/m,
  )

  const wrong = join(folder, 'wrong.yaml')
  await writeFile(wrong, stringify({ limits: { depth: 'deep' }, dta: 'x' }))
  const unusable = await tidings(['check', '--config', wrong])
  t.equal(unusable.code, 1)
  t.match(
    unusable.out,
    /^problem +configuration +line 2, column \d+: limits\.depth: expected a whole number/m,
  )
  t.match(unusable.out, /did you mean "data"/)
  const missing = await tidings(['check', '--json', '--config', join(folder, 'no.yaml')])
  t.match(JSON.parse(missing.out), {
    healthy: false,
    findings: [{ level: 'problem', text: /does not exist/ }],
  })
})

t.test('the configuration that is printed is one to start from', async t => {
  const { config, folder } = await configured(t)
  const printed = await tidings(['config', '--config', config])
  t.match(printed, { code: 0, err: '' })
  const copy = join(folder, 'copy.yaml')
  await writeFile(copy, printed.out)
  const again = await tidings(['config', '--config', copy])
  const withoutName = (text: string) => text.slice(text.indexOf('\n'))
  t.equal(withoutName(again.out), withoutName(printed.out))
})
