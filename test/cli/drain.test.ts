/** `tidings drain`. */
import t from 'tap'
import { RawClient } from '../support/raw-client.ts'
import { configured, serve, tidings } from '../support/tidings.ts'

const listener = { address: '127.0.0.1', port: 0 }
const listeners = { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': false, http: false, metrics: false }

t.test('the server sends its clients away, takes no others, and waits to be stopped', async t => {
  const { config } = await configured(t, { listeners })
  const server = await serve(t, config)
  const client = await RawClient.connect(server.port)
  client.send(
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>",
  )
  await client.expect('</stream:features>')
  const drain = (...args: string[]) => tidings(['drain', ...args, '--config', config])
  t.match(await drain('--seconds', 'many'), { code: 2, err: /--seconds: expected a number from 0 to 3600/ })
  t.match(await drain('--seconds', '0', '--to', 'chat2.example.org'), {
    code: 0,
    out: '1 connections closed.\nThe server may be stopped now.\n',
  })
  t.match(await client.end(), '>chat2.example.org</see-other-host>')
  await t.rejects(RawClient.connect(server.port).then(one => one.expect('x')))
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
  t.match(await drain(), { code: 1, err: /TIDINGS_NOT_RUNNING/ })
})
