import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StanzaError, TidingsError } from './errors.ts'
import type { Maybe } from './maybe.ts'
import type { SessionPort } from './session.ts'

/** What is addressed by a domain of its own and is no host: rooms, an external component. */
interface Addressed {
  /** Whose home handles what is for an address of this domain: the service itself, or one of its rooms. */
  owner(address: JID): JID
}

/** A service that takes a stanza when what its sender sent earlier has settled. */
export interface ReceivingService extends Addressed {
  /** Takes a stanza at that home. Settles when it is handled; throws or rejects with the StanzaError that answers the sender. */
  receive(stanza: Stanza): Maybe<void>
}

/** A service that stores what it takes: it begins with a stanza at once, so that many are stored together. */
export interface StoringService extends Addressed {
  /** Begins at that home. What it gives settles when the stanza is handled. Both throw or reject with the StanzaError that answers the sender. */
  begin(stanza: Stanza): Maybe<() => Maybe<void>>
}

export type Service = ReceivingService | StoringService

/** A service at the other end of a connection, which may come to any node and go again. */
export class AttachedService implements ReceivingService {
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
  /** Whose services they are, of those that belong to one host. */
  readonly #hosts = new Map<string, string>()

  /** Has a service take what is addressed to a domain; `host`: the domain of the host that has it. Throws a TidingsError where there is one. */
  add(domain: string, service: Service, host?: string): void {
    if (this.#all.has(domain))
      throw new TidingsError(
        'TIDINGS_DOMAIN_TAKEN',
        `two services are to have the domain ${domain}: give one of them another one, or switch it off`,
      )
    this.#all.set(domain, service)
    if (host !== undefined) this.#hosts.set(domain, host)
  }

  /** The service of a domain. */
  of(domain: string): Service | undefined {
    return this.#all.get(domain)
  }

  /** The domain of the host that has the service of this domain. */
  hostOf(domain: string): string | undefined {
    return this.#hosts.get(domain)
  }

  /** The domains of the services that a host has, or all hosts. */
  domainsFor(host: string): readonly string[] {
    return [...this.#all.keys()].filter(domain => (this.#hosts.get(domain) ?? host) === host)
  }
}
