import { StanzaError, TidingsError } from '../../core/errors.ts'
import type { NewStream } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { networkOf } from '../../core/network.ts'
import type { Element } from '../../xml/element.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { answersOf, blankQuery } from './fields.ts'

const HOUR_MS = 60 * 60 * 1_000

/** Lets one newcomer in although registration is not open. */
export interface Pass {
  /** Tells it from other passes. */
  readonly key: string
  /** Uses it up around `create`, which makes the account. Rejects with the StanzaError to answer; then it is as good as before. */
  redeem(newcomer: JID, create: () => Promise<void>): Promise<void>
}

/** The key of the pass that an address is kept for. */
export type KeptFor = (newcomer: JID) => Promise<string | undefined>

/** How newcomers are treated. */
export interface NewcomersOptions {
  readonly open: boolean
  /** Accounts that may be made from one network in an hour. */
  readonly perHour: number
}

/** Makes the accounts of newcomers: over XMPP before sign-in, and for whoever else has let them in. */
export class Newcomers {
  readonly #host: Host
  readonly #options: NewcomersOptions
  readonly #passes = new WeakMap<NewStream, Pass>()
  /** Streams that have made their account. */
  readonly #done = new WeakSet<NewStream>()
  #keptFor: KeptFor | undefined

  constructor(host: Host, options: NewcomersOptions) {
    this.#host = host
    this.#options = options
  }

  /** Whether a stream feature should tell of registration. */
  get offered(): boolean {
    return this.#options.open || this.#keptFor !== undefined
  }

  /** Called by the one who gives passes. */
  acceptPasses(keptFor: KeptFor): void {
    this.#keptFor = keptFor
  }

  /** From now on a stream may register with this pass. */
  admit(stream: NewStream, pass: Pass): void {
    this.#passes.set(stream, pass)
  }

  /** XEP-0077 §3.1: which fields there are to fill in. */
  blank(stream: NewStream): Element {
    this.#requireAdmission(stream)
    return blankQuery()
  }

  /** XEP-0077 §3.1.1: makes the account of a stream. */
  async register(query: Element, stream: NewStream): Promise<undefined> {
    const pass = this.#requireAdmission(stream)
    await this.create(answersOf(query), stream.address, pass)
    this.#passes.delete(stream)
    this.#done.add(stream)
  }

  /** Makes an account for a client at this address. Rejects with a StanzaError. */
  async create(
    { username, password }: { readonly username: string; readonly password: string },
    address: string,
    pass: Pass | undefined,
  ): Promise<JID> {
    // XEP-0077 §3.1: not-acceptable when something is left out, an empty password included.
    if (username === '' || password === '')
      throw new StanzaError('not-acceptable', { text: 'a name and a password are needed' })
    const newcomer = addressOf(username, this.#host.domain)
    // XEP-0077 §3.1: a name that is in use.
    if (await this.#host.accounts.exists(newcomer)) throw taken()
    const kept = await this.#keptFor?.(newcomer)
    if (kept !== undefined && kept !== pass?.key) throw taken()
    await this.#requireRoom(address)
    const create = (): Promise<void> => this.#create(newcomer, password)
    await (pass === undefined ? create() : pass.redeem(newcomer, create))
    this.#host.log.info(
      { account: newcomer, address, invited: pass !== undefined },
      'an account was registered',
    )
    return newcomer
  }

  async #create(newcomer: JID, password: string): Promise<void> {
    try {
      await this.#host.accounts.create(newcomer, password)
    } catch (error) {
      throw explained(error)
    }
  }

  #requireAdmission(stream: NewStream): Pass | undefined {
    // XEP-0077 §3.1.1: no second identity on the same stream.
    if (this.#done.has(stream))
      throw new StanzaError('not-acceptable', { text: 'you have registered: sign in' })
    const pass = this.#passes.get(stream)
    // XEP-0077 §3.1: where nobody can register.
    if (pass === undefined && !this.#options.open)
      throw new StanzaError('service-unavailable', { text: 'to register you need an invitation' })
    return pass
  }

  async #requireRoom(address: string): Promise<void> {
    const key = `registration ${networkOf(address)}`
    if (!(await this.#host.storage.ephemeral.take(key, this.#options.perHour, HOUR_MS)))
      throw new StanzaError('resource-constraint', {
        text: 'too many new accounts from your address: try later',
      })
  }
}

function taken(): StanzaError {
  return new StanzaError('conflict', { text: 'this name is taken' })
}

function addressOf(username: string, domain: string): JID {
  try {
    return JID.of(username, domain)
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
    throw new StanzaError('not-acceptable', { text: 'this name cannot be used in an address' })
  }
}

/** What the accounts refused, as the answer to whoever asked. */
export function explained(error: unknown): unknown {
  if (!(error instanceof TidingsError)) return error
  switch (error.code) {
    case 'TIDINGS_ACCOUNT_EXISTS':
      return taken()
    case 'TIDINGS_ACCOUNT_PASSWORD':
      return new StanzaError('not-acceptable', { text: 'this password has characters that cannot be used' })
    case 'TIDINGS_ACCOUNT_UNKNOWN':
      return new StanzaError('registration-required')
    case 'TIDINGS_AUTH_BUSY':
      return new StanzaError('resource-constraint', { text: 'the server is busy: try again' })
    default:
      return error
  }
}
