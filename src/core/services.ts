import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StanzaError } from './errors.ts'
import type { Maybe } from './maybe.ts'
import type { SessionPort } from './session.ts'

/** What is addressed by a domain of its own and is no host: rooms, an external component. */
export interface Service {
  /** Whose home handles what is for an address of this domain: the service itself, or one of its rooms. */
  owner(address: JID): JID
  /** Takes a stanza at that home. Settles when it is handled; throws or rejects with the StanzaError that answers the sender. */
  receive(stanza: Stanza): Maybe<void>
}

/** A service at the other end of a connection, which may come to any node and go again. */
export class AttachedService implements Service {
  readonly jid: JID
  #port: SessionPort | undefined

  constructor(jid: JID) {
    this.jid = jid
  }

  owner(): JID {
    return this.jid
  }

  receive(stanza: Stanza): void {
    // Type wait: it is known here and will come back.
    if (this.#port === undefined)
      throw new StanzaError('service-unavailable', { type: 'wait', text: 'the service is not connected' })
    this.#port.send(stanza)
  }

  /** Connects it, at its home. Throws the StanzaError `conflict` when it is connected already. */
  attach(port: SessionPort): void {
    if (this.#port !== undefined) throw new StanzaError('conflict')
    this.#port = port
  }

  /** Ends the connection, if it still is this one. */
  detach(port: SessionPort): void {
    if (this.#port === port) this.#port = undefined
  }
}

/** All services, by the domains that they have and no host has. All nodes add the same. */
export class Services {
  readonly #all = new Map<string, Service>()

  /** Has a service take what is addressed to a domain. */
  add(domain: string, service: Service): void {
    this.#all.set(domain, service)
  }

  /** The service of a domain. */
  of(domain: string): Service | undefined {
    return this.#all.get(domain)
  }

  /** The domains of all services. */
  get domains(): readonly string[] {
    return [...this.#all.keys()]
  }
}
