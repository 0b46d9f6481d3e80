/** Where nodes listen for each other, and how they call: TCP, TCP with TLS, or sockets of one machine. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'

/** Where to listen: an address and a port of TCP, 0 for a free one; or the path of a socket of this machine. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string }

/**
 * RFC 5489: both sides have a key before they begin, so that TLS needs no certificates. The greeting proves who is who; this hides and guards
 * what follows. Node has such keys with TLS 1.2.
 */
const SHARED_KEY_TLS = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
} as const

/** Starts to listen; with a key, for TLS. */
export async function listenAt(
  place: Place,
  key: Buffer | undefined,
  accept: (socket: Socket) => void,
): Promise<Server> {
  const server =
    key === undefined
      ? createServer({ noDelay: true, keepAlive: true }, accept)
      : createTlsServer({ ...SHARED_KEY_TLS, noDelay: true, keepAlive: true, pskCallback: () => key }, accept)
  // A stranger that does not know the key; what he is told is the business of TLS.
  server.on('tlsClientError', () => {})
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen(place, resolve)
  await promise
  server.removeListener('error', reject)
  return server
}

/** Opens a connection to an address as `addressOf` writes it. Emits `connect` when something can be written, and all else a socket emits. */
export function call(address: string, key: Buffer | undefined): Socket {
  const place = placeOf(address)
  if (key === undefined) return connect({ ...place, noDelay: true, keepAlive: true })
  const socket = connectTls({
    ...SHARED_KEY_TLS,
    ...place,
    // There are no certificates whose names could be compared.
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: key, identity: 'tidings' }),
  })
  socket.setNoDelay(true)
  return socket
}

/** `127.0.0.1:5270`, `[::1]:5270` or `unix:/run/links`. */
export function addressOf(place: Place): string {
  if ('path' in place) return `unix:${place.path}`
  return place.host.includes(':') ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`
}

function placeOf(address: string): Place {
  if (address.startsWith('unix:')) return { path: address.slice(5) }
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}
