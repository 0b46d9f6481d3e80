import type { Duplex } from 'node:stream'
import { type SecureContext, TLSSocket } from 'node:tls'

/** How a connection is encrypted, as the server. */
export interface TlsParts {
  /** For a client that names no host. */
  readonly secureContext: SecureContext
  /**
   * The only protocol that a client may ask for by ALPN; any other ends the handshake.
   * XEP-0368 §2: `xmpp-client` for clients of XMPP.
   */
  readonly protocol: string
  readonly sni: (servername: string, done: (error: Error | null, context?: SecureContext) => void) => void
}

/**
 * Wraps a socket in TLS, the client having the first word; what was received and not read yet is taken for that.
 * `handshake` resolves to whether it succeeded; if not, the socket is destroyed.
 */
export function serverTls(
  plain: Duplex,
  parts: TlsParts,
): { socket: TLSSocket; handshake: Promise<boolean> } {
  const socket = new TLSSocket(plain.pause(), {
    isServer: true,
    secureContext: parts.secureContext,
    SNICallback: parts.sni,
    ALPNCallback: chooserOf(parts.protocol),
  })
  socket.disableRenegotiation()
  // node:tls, for a socket made without its Server: errors after the handshake come as this, and leave the socket open.
  socket.on('_tlsError', destroy)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const failed = (): void => {
    socket.destroy()
    resolve(false)
  }
  // Before the handshake is done, the end of the input is the end: half an encrypted connection is of no use.
  socket.once('end', failed).once('close', failed)
  socket.once('secure', () => {
    socket.off('end', failed).off('close', failed)
    resolve(true)
  })
  return { socket, handshake: promise }
}

// What is kept with each socket are functions of the module: a closure made there would keep all of the handshake.

function chooserOf(protocol: string): (offer: { protocols: string[] }) => string | undefined {
  return ({ protocols }) => (protocols.includes(protocol) ? protocol : undefined)
}

function destroy(this: TLSSocket): void {
  this.destroy()
}
