import { JID } from '../xml/jid.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { C2sRouter } from './options.ts'
import type { Stream } from './stream.ts'

/** What a client's stream header says. */
export interface OpenedStream {
  /** The host the client wants, prepared. */
  readonly host: string
  /** The bare address that it names as its own: nothing that could be relied on. */
  readonly from: JID | undefined
}

/**
 * Reads the client's stream header, answers it with ours, and then checks it (RFC 6120 §4.7, §4.9.1.2). `account` after sign-in.
 * Rejects with the StreamError to close the stream with, or with Ended.
 */
export async function openStream(stream: Stream, router: C2sRouter, account?: JID): Promise<OpenedStream> {
  const { to, from, version } = await stream.header()
  const wanted = to === undefined ? undefined : JID.tryParse(to)
  const host = wanted?.local === '' && wanted.isBare ? router.host(wanted.domain)?.domain : undefined
  const sender = from === undefined ? undefined : JID.tryParse(from)
  // RFC 6120 §4.7.2: `to` of the response is `from` of the request.
  stream.sendHeader(host, sender?.toString())

  // RFC 6120 §4.7.5: no version, or one below 1.0, is a protocol from before XMPP.
  if (!(majorVersion(version) >= 1)) throw new StreamError('unsupported-version')
  // RFC 6120 §4.7.2: a client must say which host it wants.
  if (to === undefined) throw new StreamError('improper-addressing', "the stream header has no 'to'")
  if (host === undefined) throw new StreamError('host-unknown')
  if (account === undefined) return { host, from: sender?.bare }
  if (host !== account.domain) throw new StreamError('not-authorized', 'signed in to another host')
  // RFC 6120 §4.9.3.7: after sign-in, `from` must be who signed in.
  if (from !== undefined && !sender?.bare.equals(account)) throw new StreamError('invalid-from')
  return { host, from: account }
}

/** RFC 6120 §4.7.5: major and minor are integers of their own. NaN for what is no version. */
function majorVersion(version: string | undefined): number {
  return Number(/^(\d+)\.\d+$/.exec(version ?? '')?.[1])
}
