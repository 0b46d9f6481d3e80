import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, TLSSocket, type TLSSocketOptions } from 'node:tls'
import type { CertificateFiles } from '../../src/tls/pair.ts'
import { selfSigned } from '../../src/tls/x509.ts'

const DAY_MS = 86_400_000

/** Writes (or replaces) a pair for these DNS names, valid for `days` from now: `<file>.crt`, `<file>.key`. */
export async function writePair(
  directory: string,
  file: string,
  names: string[],
  days = 90,
): Promise<CertificateFiles> {
  const { certificate, key } = selfSigned({
    commonName: names[0] ?? 'none',
    names: names.map(dns => ({ dns })),
    notBefore: new Date(Date.now() - 100 * DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
  })
  const files = { certificate: join(directory, `${file}.crt`), key: join(directory, `${file}.key`) }
  await writeFile(files.key, key)
  await writeFile(files.certificate, certificate)
  return files
}

/** A TLS connection over loopback, both ends after the handshake. Rejects with the client's error. */
export async function handshake(
  server: TLSSocketOptions,
  client: ConnectionOptions,
): Promise<{ server: TLSSocket; client: TLSSocket; close(): Promise<void> }> {
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection').then(([socket]) => wrap(socket as Socket, server))
  const { port } = listener.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...client })
  const close = async () => {
    socket.destroy()
    const other = await accepted
    other.destroy()
    listener.close()
    await once(listener, 'close')
  }
  try {
    await once(socket, 'secureConnect')
  } catch (error) {
    await close()
    throw error
  }
  const other = await accepted
  // The server is done when the client's last message is in: a byte of the client's says so.
  socket.write('x')
  await once(other, 'readable')
  return { server: other, client: socket, close }
}

function wrap(socket: Socket, options: TLSSocketOptions): TLSSocket {
  const secure = new TLSSocket(socket, { isServer: true, ...options })
  // A client that gives up is the test's business, not a crash.
  secure.on('error', () => secure.destroy())
  return secure
}
