/** What channel binding (RFC 5056) takes from a TLS connection. */
import type { TLSSocket } from 'node:tls'

/** The channel binding data of an encrypted server-side socket; `SaslTls` of src/auth/sasl.ts has this shape. */
export interface TlsBinding {
  readonly protocol: string
  exporter(label: string, length: number): Buffer
  endPointHash(): Buffer | undefined
}

/** Reads it from the socket itself, so that it is right for the certificate this connection was shown, whatever was reloaded since. */
export function tlsBinding(socket: TLSSocket): TlsBinding {
  throw new Error(`to be written: ${socket.getProtocol()}`)
}
