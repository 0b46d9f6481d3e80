import type { JID } from '../xml/jid.ts'
import type { C2sRouter } from './options.ts'
import type { SessionParts } from './session-parts.ts'
import type { Stream } from './stream.ts'

/** A client that has signed in, and what it takes to give it a session. */
export interface Newcomer {
  readonly stream: Stream
  readonly account: JID
  /** See `Session.device`. */
  readonly device?: string | undefined
  readonly router: C2sRouter
  readonly parts: SessionParts
  /** Refused requests until the stream is closed. */
  readonly attempts: number
}
