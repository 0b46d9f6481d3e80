/** A server that hangs as it starts, since its storage does not answer, can be ended all the same. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { configured, start } from '../support/tidings.ts'

t.setTimeout(60_000)

t.test('a server that hangs as it starts ends 30 s after a signal', async t => {
  // Takes connections and answers nothing.
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  t.teardown(() => silent.close())
  const cassandra = { 'contact-points': [`127.0.0.1:${port}`] }
  const { config } = await configured(t, { storage: { kind: 'cassandra', cassandra } })
  const server = start(['start', '--config', config])
  t.teardown(() => server.child.kill('SIGKILL'))
  await server.saw(/TIDINGS_STORAGE_WAITS/)
  const asked = performance.now()
  server.child.kill('SIGTERM')
  const { code, err } = await server.ended
  t.equal(code, 1)
  t.equal(err.match(/TIDINGS_STOP_STUCK/g)?.length, 1)
  const took = performance.now() - asked
  t.ok(took > 29_000 && took < 40_000, `after ${took.toFixed(0)} ms`)
})
