/**
 * The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt): a proxy in front of us tells in a header
 * before all other bytes whom it connects. Only a trusted proxy is believed, and it must send the header: nobody has to guess.
 */
import type { Socket } from 'node:net'
import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** A header that breaks the protocol; the connection is to be dropped. */
export class ProxyHeaderError extends Error {
  constructor(why: string) {
    super(`PROXY header: ${why}`)
    this.name = 'ProxyHeaderError'
  }
}

/** A header that was read. */
export interface ProxyHeader {
  /** Its length in bytes. */
  readonly length: number
  /** The address of whom the proxy connects; undefined: the proxy speaks for itself, or does not know. */
  readonly source: string | undefined
}

const V1_START = Buffer.from('PROXY ')
/** PROXY protocol §2.1: the longest line that version 1 allows, with its line end. */
const V1_MAX_BYTES = 107
/** PROXY protocol §2.2: the signature of version 2. */
const V2_START = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const V2_FIXED_BYTES = 16
/** The protocol allows 64 KiB of extra fields. We use none, and no proxy sends as much as this. */
const V2_MAX_BYTES = 4096

/** Reads the header at the start of what a proxy sent; undefined: it is not all there yet. Throws ProxyHeaderError. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsLike(bytes, V1_START)) return bytes.length < V1_START.length ? undefined : parseText(bytes)
  if (startsLike(bytes, V2_START)) return bytes.length < V2_FIXED_BYTES ? undefined : parseBinary(bytes)
  throw new ProxyHeaderError('missing')
}

function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length)
  return bytes.subarray(0, length).equals(start.subarray(0, length))
}

function parseText(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n')
  if (end < 0 && bytes.length >= V1_MAX_BYTES) throw new ProxyHeaderError('too long')
  if (end < 0) return undefined
  const [, family, source = '', target = '', ...ports] = bytes.toString('latin1', 0, end).split(' ')
  const length = end + 2
  // PROXY protocol §2.1: after UNKNOWN the rest of the line is to be ignored.
  if (family === 'UNKNOWN') return { length, source: undefined }
  const fits = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined
  if (!fits?.(source) || !fits(target) || ports.length !== 2 || !ports.every(isPort))
    throw new ProxyHeaderError('malformed')
  return { length, source }
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

function parseBinary(bytes: Buffer): ProxyHeader | undefined {
  const versionAndCommand = bytes[12]
  const family = bytes[13]!
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14)
  // PROXY protocol §2.2: the version must be 2, and the command LOCAL (0) or PROXY (1).
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) throw new ProxyHeaderError('malformed')
  if (length > V2_MAX_BYTES) throw new ProxyHeaderError('too long')
  if (bytes.length < length) return undefined
  const local = versionAndCommand === 0x20
  return { length, source: local ? undefined : binarySource(bytes.subarray(V2_FIXED_BYTES, length), family) }
}

/** The source address in the address block; undefined for what is no TCP over IP (PROXY protocol §2.2: then it is ignored). */
function binarySource(block: Buffer, family: number): string | undefined {
  const size = family === 0x11 ? 4 : family === 0x21 ? 16 : undefined
  if (size === undefined) return undefined
  // Two addresses of this size and two ports.
  if (block.length < 2 * size + 4) throw new ProxyHeaderError('malformed')
  return ipaddr.fromByteArray([...block.subarray(0, size)]).toString()
}

/** Reads the header off a socket that nobody reads yet; what follows it stays in the socket. Rejects with a ProxyHeaderError. */
export function readProxyHeader(socket: Socket): Promise<ProxyHeader> {
  const { promise, resolve, reject } = Promise.withResolvers<ProxyHeader>()
  let bytes: Buffer = Buffer.alloc(0)
  const read = (): void => {
    const more: Buffer | null = socket.read()
    if (more === null) return
    bytes = Buffer.concat([bytes, more])
    try {
      const header = parseProxyHeader(bytes)
      if (header === undefined) return
      done()
      if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length))
      resolve(header)
    } catch (error) {
      done()
      reject(error)
    }
  }
  const gone = (): void => {
    done()
    reject(new ProxyHeaderError('missing'))
  }
  const done = (): void => {
    socket.off('readable', read).off('end', gone).off('close', gone)
  }
  socket.on('readable', read).on('end', gone).on('close', gone)
  return promise
}
