/** What a supervisor and its workers ask each other. */
import type { NewInvitationLinks } from '../cli/control/protocol.ts'
import type { Drain, Drained } from '../core/drain.ts'
import type { Ports } from '../listen.ts'
import type { Changes } from '../operations/changes.ts'
import type { CertificateDescription } from '../tls/certificates.ts'

/** How a worker is to be. */
export interface Assignment {
  /** 1, 2, 3 ... The first has the control socket. */
  readonly number: number
  /** Its name in the cluster, which no other has or has had. */
  readonly node: string
  /** Where the storage process listens, and where this worker is to listen for the others: addresses of unix sockets. */
  readonly storage: string
  readonly links: string
  /** Where workers take requests of BOSH from each other, by their numbers. */
  readonly relays: readonly string[]
  /** What only workers of this server know. */
  readonly secret: string
  /** Where to listen for clients; absent: as the configuration says. */
  readonly ports: Ports | undefined
}

/** A worker that serves. */
export interface Serving {
  readonly ports: Ports
  readonly certificates: readonly CertificateDescription[]
  readonly warnings: readonly string[]
}

/** What workers are asked. */
export type OfWorker = {
  start: { readonly ask: Assignment; readonly answer: Serving }
  invitation: { readonly ask: null; readonly answer: NewInvitationLinks | undefined }
  reload: { readonly ask: null; readonly answer: Changes }
  drain: { readonly ask: Drain; readonly answer: Drained }
  /** As they are scraped. */
  metrics: { readonly ask: null; readonly answer: string }
}

/** What supervisors are asked. */
export type OfSupervisor = {
  /** To have all workers read the configuration again. */
  reload: { readonly ask: null; readonly answer: Changes }
  /** To have all workers send their clients away. */
  drain: { readonly ask: Drain; readonly answer: Drained }
}
