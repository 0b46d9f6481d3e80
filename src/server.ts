/** What a server is made of and what it offers, to whoever starts one (main.ts). */
import type { Accounts } from './auth/accounts.ts'
import type { RelayOptions } from './c2s/bosh/relay.ts'
import type { NewInvitationLinks } from './cli/control/protocol.ts'
import type { Cluster } from './cluster/types.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Drain, Drained } from './core/drain.ts'
import type { Host } from './core/host.ts'
import type { Log } from './core/log.ts'
import type { Metrics } from './core/metrics.ts'
import type { Router } from './core/router.ts'
import type { Ports } from './listen.ts'
import type { Changes } from './operations/changes.ts'
import type { Storage } from './storage/types.ts'
import type { CertificateDescription, Certificates } from './tls/certificates.ts'

/** What a server may be given instead of making it itself. What is given is not closed with the server. */
export interface Dependencies {
  readonly log?: Log
  readonly clock?: Clock
  readonly storage?: Storage
  /** One node of several; they share a storage. */
  readonly cluster?: Cluster
  readonly certificates?: Certificates
  /** Reads the configuration again. Default: gives the one that the server was started with. */
  readonly read?: () => Promise<Config>
  /** Makes the log write from this level on. Default: leaves it alone. */
  readonly setLogLevel?: (level: string) => void
  /** Called when the other nodes have given this one up: stop it, and start another. */
  readonly expelled?: () => void
  /** Called when an administrator wants it to stop, for good or to be started `again`: stop it. */
  readonly halt?: (again: boolean) => void
  /** Whether to open the control socket in `data`. Default true. */
  readonly control?: boolean
  /** This server is one of several processes at the same ports (workers/). */
  readonly worker?: WorkerPart
}

/** What one of several processes has of the others. */
export interface WorkerPart {
  /** What the control socket does with all of them. */
  reload(): Promise<Changes>
  drain(wish: Drain): Promise<Drained>
  readonly relay: Omit<RelayOptions, 'signal'>
}

/** A running server. */
export interface Server {
  /** The port of each listener; undefined for one that is off. */
  readonly ports: Ports
  /** The port of the component listener; undefined when it is off or there are no components. */
  readonly componentPort: number | undefined
  readonly hosts: readonly Host[]
  readonly router: Router
  /** Open connections of clients. */
  readonly connections: number
  readonly accounts: Accounts
  readonly certificates: readonly CertificateDescription[]
  readonly metrics: Metrics
  /** What the operator should know, a sentence each; logged as well. */
  readonly warnings: readonly string[]
  /** An invitation to a server without accounts; undefined where there is one, or where nobody is invited. */
  firstInvitation(): Promise<NewInvitationLinks | undefined>
  /** Resolves when all that clients have sent is handled and stored, and nothing is left to do in the background. */
  settled(): Promise<void>
  /** Reads the configuration again and applies what can change. Rejects with a TidingsError if it can't be used: then nothing has changed. */
  reload(): Promise<Changes>
  /** Sends all clients and slots away, to other nodes; resolves when there is nothing left to do here but to stop. */
  drain(drain: Drain): Promise<Drained>
  /** Closes listeners and streams (with system-shutdown), stores everything and lets go of it. */
  stop(): Promise<void>
}
