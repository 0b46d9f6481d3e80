import t from 'tap'
import { configFrom } from '../../src/config/load.ts'
import { webOrigin } from '../../src/config/web-origin.ts'

const HOSTS = [{ name: 'chat.example' }, { name: 'other.example' }]

t.test('where a browser reaches the HTTP listener', async t => {
  const origin = (http: unknown, host: string, port?: number) =>
    webOrigin(
      configFrom({ hosts: HOSTS, listeners: { http } }, { extensions: [], directory: '/' }),
      host,
      port,
    )
  const local = { address: '127.0.0.1', port: 5280 }
  const open = { address: '::', port: 5280 }
  t.equal(origin(false, 'chat.example'), undefined)
  t.equal(origin(local, 'chat.example'), 'http://localhost:5280', 'loopback speaks HTTP')
  t.equal(
    origin(local, 'other.example'),
    'http://other.example:5280',
    'whoever names no host gets the first one',
  )
  t.equal(origin(open, 'chat.example'), 'https://chat.example:5280')
  t.equal(origin({ ...open, tls: false }, 'other.example'), 'http://other.example:5280')
  t.equal(
    origin({ ...open, port: 443 }, 'chat.example'),
    'https://chat.example',
    'the port of HTTPS is not said',
  )
  t.equal(
    origin({ ...local, port: 0 }, 'chat.example', 1234),
    'http://localhost:1234',
    'the port that it got',
  )
})
