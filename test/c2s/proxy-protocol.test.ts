import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { parseProxyHeader, readProxyHeader } from '../../src/c2s/proxy-protocol.ts'
import { trustedAddresses } from '../../src/core/networks.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'

function binary(command: string, family: string, block: string, length = block.length / 2): Buffer {
  return Buffer.from(SIGNATURE + command + family + length.toString(16).padStart(4, '0') + block, 'hex')
}

const TCP4 = `c0000201${'c0000202'}0400${'1466'}`
const TCP6 = `20010db8${'0'.repeat(20)}00ff${'20010db8'}${'0'.repeat(24)}04001466`

const GOOD: [string, Buffer, string | undefined][] = [
  ['TCP over IPv4', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1024 5222\r\n'), '192.0.2.1'],
  ['TCP over IPv6', Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1024 5222\r\n'), '2001:db8::1'],
  ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['UNKNOWN with more', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n'), undefined],
  ['binary, IPv4', binary('21', '11', TCP4), '192.0.2.1'],
  ['binary, IPv6', binary('21', '21', TCP6), '2001:db8::ff'],
  ['binary, with more fields', binary('21', '11', `${TCP4}0400020000`), '192.0.2.1'],
  ['binary, LOCAL', binary('20', '00', ''), undefined],
  ['binary, UDP', binary('21', '12', TCP4), undefined],
  ['binary, unspecified', binary('21', '00', 'ffff'), undefined],
]

const BAD: [string, string | Buffer][] = [
  ['no header', '<?xml'],
  ['lower case', 'proxy TCP4'],
  ['no address', 'PROXY TCP4\r\n'],
  ['the wrong family', 'PROXY TCP4 2001:db8::1 192.0.2.2 1024 5222\r\n'],
  ['an unknown family', 'PROXY TCP5 192.0.2.1 192.0.2.2 1024 5222\r\n'],
  ['a port too high', 'PROXY TCP4 192.0.2.1 192.0.2.2 1024 65536\r\n'],
  ['a port with a zero before it', 'PROXY TCP4 192.0.2.1 192.0.2.2 01024 5222\r\n'],
  ['a field too much', 'PROXY TCP4 192.0.2.1 192.0.2.2 1024 5222 1\r\n'],
  ['no line end', `PROXY UNKNOWN ${'x'.repeat(93)}`],
  ['another version', binary('31', '11', TCP4)],
  ['an unknown command', binary('22', '11', TCP4)],
  ['a block too short', binary('21', '11', 'c0000201')],
  ['too many fields', binary('21', '11', TCP4, 5000)],
]

t.test('headers that are right, however they are cut', async t => {
  for (const [what, header, source] of GOOD) {
    const followed = Buffer.concat([header, Buffer.from('<stream')])
    t.same(parseProxyHeader(followed), { length: header.length, source }, what)
    for (let cut = 0; cut < header.length; cut++)
      if (parseProxyHeader(header.subarray(0, cut)) !== undefined) t.fail(`${what}: whole at ${cut}`)
  }
})

t.test('headers that are wrong', async t => {
  for (const [what, header] of BAD)
    t.throws(() => parseProxyHeader(Buffer.from(header)), { name: 'ProxyHeaderError' }, what)
})

t.test('trusted addresses are single ones and networks', async t => {
  const trusts = trustedAddresses(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'])
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.255.0.1', '2001:db8:ffff::1'])
    t.ok(trusts(address), address)
  for (const address of ['127.0.0.2', '11.0.0.1', '2001:db9::1', '::1', '']) t.notOk(trusts(address), address)
  t.notOk(trustedAddresses([])('127.0.0.1'))
  t.throws(() => trustedAddresses(['nowhere']))
})

async function pair(t: Test): Promise<[client: Socket, server: Socket]> {
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [server] = (await once(listener, 'connection')) as [Socket]
  t.teardown(() => {
    client.destroy()
    server.destroy()
    listener.close()
  })
  return [client, server]
}

t.test('a header is read off a socket, and what follows it stays there', async t => {
  const [client, server] = await pair(t)
  for (const byte of Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1024 5222\r\n<str'))
    client.write(Buffer.of(byte))
  const header = await readProxyHeader(server)
  t.equal(header.source, '192.0.2.1')
  client.end('eam>')
  let rest = ''
  server.on('data', chunk => {
    rest += chunk
  })
  await once(server, 'end')
  t.equal(rest, '<stream>')
})

t.test('a connection that ends without a header is refused', async t => {
  const [client, server] = await pair(t)
  client.end('PROXY TCP4')
  await t.rejects(readProxyHeader(server), { name: 'ProxyHeaderError' })
})
