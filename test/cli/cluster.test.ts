/** `tidings cluster`. */
import t from 'tap'
import { configured, serve, tidings } from '../support/tidings.ts'

const listener = { address: '127.0.0.1', port: 0 }
const listeners = { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': false, http: false, metrics: false }

t.test('a server that is alone is a cluster of one node', async t => {
  const { config } = await configured(t, { listeners })
  t.match(await tidings(['cluster', '--config', config]), { code: 1, err: /TIDINGS_NOT_RUNNING/ })
  await serve(t, config)
  const { code, out } = await tidings(['cluster', '--config', config])
  t.equal(code, 0)
  const [headings, node] = out.trim().split('\n')
  t.match(headings, /^node +slots +sessions +connections +lag +up +version$/)
  t.match(node, /^local\* +4096 +0 +0 +0\.0 ms +\d+ s +0\.\d+\.\d+$/)
})
