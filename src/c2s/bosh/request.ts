/** What a client asks for: the body of an HTTP request, XEP-0124 §6. */
import { xml } from '../../xml/element.ts'
import type { ReaderLimits } from '../../xml/limits.ts'
import { NS } from '../../xml/ns.ts'
import { readElement } from '../../xml/reader.ts'
import { StreamError } from '../../xml/stream-error.ts'
import { declarationEnd } from '../../xml/stream-tags.ts'
import type { TopElement } from '../../xml/top-element.ts'
import { BoshError } from './answer.ts'

/** A request that is well-formed. What its attributes mean where they stand is not checked yet. */
export interface BoshRequest {
  /** XEP-0124 §14: orders the requests of a session. */
  readonly rid: number
  /** The session; undefined: a new one. */
  readonly sid: string | undefined
  /** XEP-0124 §9.2: the client has the answers to all requests up to this one. */
  readonly ack: number | undefined
  /** XEP-0124 §10: for how many seconds the client will be silent. */
  readonly pause: number | undefined
  /** XEP-0124 §15 */
  readonly key: string | undefined
  readonly newKey: string | undefined
  /** XEP-0124 §13 */
  readonly terminate: boolean
  /** XEP-0206 §5 */
  readonly restart: boolean
  /** Elements, each as it stands. */
  readonly payloads: readonly Buffer[]
  /** Attributes of a request for a session. */
  readonly opening: Opening
}

/** XEP-0124 §7.1: what a client says when it asks for a session. */
export interface Opening {
  readonly to: string | undefined
  readonly from: string | undefined
  readonly lang: string | undefined
  /** XEP-0206 §3: the version of XMPP. */
  readonly version: string
  /** The version of BOSH; undefined for a client from before there was one. */
  readonly ver: string | undefined
  /** Seconds. */
  readonly wait: number | undefined
  readonly hold: number | undefined
  /** Content-Type of all answers. */
  readonly content: string | undefined
}

/** A part of a type, or a parameter: nothing that could end the header. */
const CONTENT_TYPE = /^[\w.+-]+\/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*$/
const TRUE: ReadonlySet<string | undefined> = new Set(['true', '1'])
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])

/** Reads the body of a request. Throws a BoshError. */
export function readRequest(bytes: Buffer, limits: Readonly<ReaderLimits>): BoshRequest {
  const body = readBody(bytes, limits)
  const number = (name: string): number | undefined => wholeNumber(body.attribute(name))
  const rid = number('rid')
  // XEP-0124 §6: every request has one.
  if (rid === undefined || rid === 0) throw new BoshError('bad-request')
  const content = body.attribute('content')
  if (content !== undefined && !CONTENT_TYPE.test(content)) throw new BoshError('bad-request')
  return {
    rid,
    sid: body.attribute('sid'),
    ack: number('ack'),
    pause: number('pause'),
    key: body.attribute('key'),
    newKey: body.attribute('newkey'),
    terminate: body.attribute('type') === 'terminate',
    restart: TRUE.has(xmppAttribute(body, 'restart')),
    payloads: body.children.map(({ start, end }) => body.content.subarray(start, end)),
    opening: {
      to: body.attribute('to'),
      from: body.attribute('from'),
      lang: body.lang,
      // XEP-0206 §11: its default.
      version: xmppAttribute(body, 'version') ?? '1.0',
      ver: body.attribute('ver'),
      wait: number('wait'),
      hold: number('hold'),
      content,
    },
  }
}

/** True for a request that only asks for what there is (XEP-0124 §11, §12). */
export function isEmpty({ payloads, restart, terminate, pause, sid }: BoshRequest): boolean {
  return payloads.length === 0 && !restart && !terminate && pause === undefined && sid !== undefined
}

/** What a request brings to its stream, as RFC 7395 would have it: each frame is an element, and so are the ends of the stream. */
export function frames({ sid, restart, terminate, payloads, opening }: BoshRequest, to?: string): Buffer[] {
  // XEP-0206 §5: what comes with a request to begin anew is ignored.
  if (restart) return [openFrame(opening, to)]
  return [
    ...(sid === undefined ? [openFrame(opening)] : []),
    ...payloads,
    ...(terminate ? [Buffer.from(xml('close', { xmlns: NS.framing }).toString())] : []),
  ]
}

function openFrame({ to, from, lang, version }: Opening, sessionTo?: string): Buffer {
  const attributes = { xmlns: NS.framing, to: to ?? sessionTo, from, version, 'xml:lang': lang }
  return Buffer.from(xml('open', attributes).toString())
}

function readBody(bytes: Buffer, limits: Readonly<ReaderLimits>): TopElement {
  try {
    const declared = bytes.subarray(0, 2).equals(DECLARATION)
    const document = trimmed(declared ? bytes.subarray(declarationEnd(bytes)) : bytes)
    const bounds = { ...limits, stanzaBytes: document.length, depth: limits.depth + 1 }
    const body = readElement(document, bounds)
    if (body.name !== 'body' || body.ns !== NS.httpBind || hasText(body)) throw new BoshError('bad-request')
    return body
  } catch (error) {
    // XEP-0124 §17.2: a syntax error.
    if (error instanceof StreamError) throw new BoshError('bad-request')
    throw error
  }
}

const DECLARATION = Buffer.from('<?')

/** Without white space around it. */
function trimmed(bytes: Buffer): Buffer {
  let start = 0
  let end = bytes.length
  while (start < end && SPACES.has(bytes[start]!)) start++
  while (end > start && SPACES.has(bytes[end - 1]!)) end--
  return bytes.subarray(start, end)
}

/** XEP-0124 §6: a body holds no text beside its elements. */
function hasText({ content, children }: TopElement): boolean {
  let at = 0
  for (const { start, end } of [...children, { start: content.length, end: content.length }]) {
    if (trimmed(content.subarray(at, start)).length > 0) return true
    at = end
  }
  return false
}

/** An attribute of the namespace of XEP-0206, whatever its prefix is. */
function xmppAttribute({ attributes }: TopElement, name: string): string | undefined {
  for (const { name: declaration, value } of attributes) {
    if (value !== NS.xbosh || !declaration.startsWith('xmlns:')) continue
    const full = `${declaration.slice('xmlns:'.length)}:${name}`
    const found = attributes.find(attribute => attribute.name === full)
    if (found !== undefined) return found.value
  }
  return undefined
}

/** Undefined where there is none. XEP-0124 §14.1: up to 2^53-1. */
function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(number)) throw new BoshError('bad-request')
  return number
}
