import type { Accounts } from '../auth/accounts.ts'
import type { AdmissionLimits } from '../core/admission.ts'
import type { Background } from '../core/background.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from '../core/metrics.ts'
import type { Router } from '../core/router.ts'
import type { Certificates } from '../tls/certificates.ts'
import type { ReaderLimits } from '../xml/reader.ts'
import type { Hosts } from './handled-counts.ts'
import type { ManagementLimits } from './resumption.ts'
import type { SignInLimits, SignInQueue } from './sign-in-queue.ts'
import type { Rate } from './token-bucket.ts'

/** How a listener treats TLS: `direct` from the first byte (XEP-0368), else STARTTLS (RFC 6120 §5). */
export type TlsPolicy = 'direct' | 'required' | 'offered' | 'off'

/** One listening socket. */
export interface ListenOptions {
  /** Address to bind. */
  readonly address: string
  /** 0: any free one. */
  readonly port: number
  readonly tls: TlsPolicy
  /** Addresses and networks (`10.0.0.0/8`) of proxies. What comes from there must begin with a PROXY header, version 1 or 2. */
  readonly proxies?: readonly string[]
  /** Whether other processes of the server listen there too; the system spreads connections over them. */
  readonly shared?: boolean
}

/** What clients may use. Infinity switches a limit off. */
export interface C2sLimits {
  /** Bounds of one stanza, once signed in. */
  readonly reader: Readonly<ReaderLimits>
  /** Bytes of one stanza before that. */
  readonly stanzaBytesBeforeSignIn: number
  /** Time to sign in and bind, from the first packet on, in seconds. Nothing extends it. */
  readonly signInSeconds: number
  /** Failed sign-ins on one stream, and failed binds, before it is closed: RFC 6120 §6.4.5, §7.6.3. */
  readonly attempts: number
  /** Whether they may sign in by XEP-0388, and be bound by XEP-0386 as they do so. */
  readonly sasl2: boolean
  /** Open connections that have not signed in. */
  readonly unauthenticated: AdmissionLimits
  /** How many of them may begin to sign in, on all connections together. */
  readonly signIns: SignInLimits
  /** Who sends more bytes or stanzas than this is slowed, not cut. */
  readonly bytes: Rate
  readonly stanzas: Rate
  /** Bytes that may wait for a slow receiver before it is cut. */
  readonly outboxBytes: number
  /** XEP-0198 */
  readonly management: ManagementLimits
  /** How long a closing stream waits for work to settle and then for its peer, in seconds. */
  readonly closeSeconds: number
}

/** The limits of a server that was told nothing else. */
export const DEFAULT_LIMITS: C2sLimits = {
  reader: { stanzaBytes: 256 * 1024, depth: 64, attributes: 64, children: 8_192, nameBytes: 1_024 },
  stanzaBytesBeforeSignIn: 10 * 1024,
  signInSeconds: 30,
  attempts: 10,
  sasl2: true,
  unauthenticated: { total: 5_000, perAddress: 100 },
  signIns: { perSecond: 1_000, waitSeconds: 10 },
  bytes: { perSecond: 512 * 1024, burst: 2 * 1024 * 1024 },
  stanzas: { perSecond: 500, burst: 2_000 },
  outboxBytes: 1024 * 1024,
  management: { resumeSeconds: 300, acknowledgeSeconds: 60, unacknowledged: 1_000, keptBytes: 1024 * 1024 },
  closeSeconds: 5,
}

/** What client connections need of the router. */
export type C2sRouter = Pick<Router, 'bind' | 'bindInline' | 'fetch' | 'release'> & Hosts

/** What client connections are made of. */
export interface C2sOptions {
  readonly router: C2sRouter
  readonly accounts: Accounts
  readonly certificates: Certificates
  /** Named in the stream header to a client that asks for a host that is not served here. */
  readonly defaultHost: string
  readonly limits: C2sLimits
  readonly background: Background
  readonly clock: Clock
  readonly log: Log
  /** Where to count. */
  readonly metrics?: Metrics
  /** As `Storage.pressure()`: nobody begins to sign in while it is not undefined. Default: it never is. */
  readonly pressure?: () => Promise<void> | undefined
}

/** What a connection needs on its way to a session. */
export interface NegotiationOptions extends C2sOptions {
  readonly signIns: SignInQueue
}
