import { createHash, randomInt } from 'node:crypto'
import { StanzaError, TidingsError } from '../../core/errors.ts'
import { pagesOf, rowsOf } from '../../core/pages.ts'
import type { CasTable, Storage, WallClock } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'

/** What an invitation is good for, where it is not for both: to make an account here, or to become a contact of who invites. */
export type Purpose = 'account' | 'contact'

/** What an invitation is to be like. */
export interface NewInvitation {
  /** The only name that may be taken with it, prepared; it is kept free until the invitation ends. */
  readonly name?: string
  /** Bare address of an account here that becomes a contact of whoever comes. */
  readonly inviter?: string
  /** Bare address of the account that makes it; without, the operator does. */
  readonly by?: string
  readonly only?: Purpose
  /** How long it is good, in milliseconds. */
  readonly lifetime: number
  /** Accounts that may be made with it. */
  readonly uses: number
}

/** An invitation as it is stored: without its token. */
export interface Invitation {
  readonly name?: string
  readonly inviter?: string
  readonly by?: string
  readonly only?: Purpose
  /** Milliseconds since 1970. */
  readonly created: number
  /** Milliseconds since 1970. */
  readonly expires: number
  /** People who may still come by it. */
  readonly uses: number
  /** Names of the accounts that were made with it, and addresses of contacts from elsewhere. */
  readonly accounts: readonly string[]
  /** It was made at a start without any account. */
  readonly first?: boolean
}

/** An invitation and what it goes by. */
export interface Listed extends Invitation {
  /** Names it for the operator: says nothing of its token. */
  readonly id: string
}

/** For which invitation a name is kept. */
interface Reservation {
  readonly key: string
  readonly expires: number
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** XEP-0379 §5.1 asks for 80 bits at least; these are 142. */
const TOKEN_LENGTH = 24
/** Characters of a key that are enough to name it. */
const ID_LENGTH = 8
const DAY_MS = 24 * 60 * 60 * 1_000
const FIRST = { lifetime: DAY_MS, uses: 10 }
/** Between two looks for what has expired. */
const SWEEP_MS = 60 * 60 * 1_000

/** The invitations of one host. Of a token only its hash is stored, which is the key of its row. */
export class Invitations {
  readonly #rows: CasTable<Invitation>
  readonly #names: CasTable<Reservation>
  /** By their keys, until when those that an account has made are good. Compare-and-set, since they end wherever somebody uses them up. */
  readonly #open: CasTable<number>
  readonly #clock: WallClock
  readonly #host: JID
  #swept = Number.NEGATIVE_INFINITY

  constructor(storage: Storage, clock: WallClock, host: JID) {
    this.#rows = storage.table<Invitation>('invitations', 'cas')
    this.#names = storage.table<Reservation>('invited-names', 'cas')
    this.#open = storage.table<number>('open-invitations', 'cas')
    this.#clock = clock
    this.#host = host
  }

  /** Makes an invitation and its token, which nobody can find out later. Rejects with a TidingsError `TIDINGS_INVITATION_NAME`. */
  async create(wanted: NewInvitation): Promise<{ readonly token: string; readonly invitation: Invitation }> {
    const now = this.#clock.now()
    if (now - this.#swept >= SWEEP_MS) {
      this.#swept = now
      await this.#sweep()
    }
    return this.#create(wanted, false)
  }

  /** The invitation of a server without accounts, instead of the one that was made when it started the last time. */
  async createFirst(): Promise<{ readonly token: string; readonly invitation: Invitation }> {
    await this.#sweep(row => row.first === true)
    return this.#create(FIRST, true)
  }

  /** How many that an account has made are good now; `most` and above are not told apart. */
  async openOf(by: JID, most: number): Promise<number> {
    const now = this.#clock.now()
    const rows = await rowsOf(this.#open, by)
    return Math.min(most, rows.filter(({ item }) => item > now).length)
  }

  async #create({ name, inviter, by, only, lifetime, uses }: NewInvitation, first: boolean) {
    const token = newToken()
    const key = keyOf(token)
    const created = this.#clock.now()
    const expires = created + lifetime
    if (name !== undefined) await this.#reserve(name, { key, expires })
    const invitation: Invitation = {
      created,
      expires,
      uses,
      accounts: [],
      ...(name !== undefined && { name }),
      ...(inviter !== undefined && { inviter }),
      ...(by !== undefined && { by }),
      ...(only !== undefined && { only }),
      ...(first && { first }),
    }
    if (by !== undefined) await this.#open.update(JID.parse(by), key, () => expires)
    await this.#rows.update(this.#host, key, () => invitation)
    return { token, invitation }
  }

  /** The key of a token that is good now, with its invitation. */
  async find(token: string): Promise<{ readonly key: string; readonly invitation: Invitation } | undefined> {
    const key = keyOf(token)
    const invitation = await this.#rows.get(this.#host, key)
    const good = invitation !== undefined && invitation.uses > 0 && invitation.expires > this.#clock.now()
    return good ? { key, invitation } : undefined
  }

  /**
   * Uses an invitation once for `newcomer`; `create` makes the account or the contact, and when that fails nothing is used up.
   * Whether it has expired is asked in `find` alone (XEP-0445 §4). Rejects with a StanzaError.
   */
  async redeem(key: string, newcomer: JID, create: () => Promise<void>): Promise<Invitation> {
    // Taken first, so that two who come at once with the last use do not both get in.
    const who = newcomer.domain === this.#host.domain ? newcomer.local : newcomer.toString()
    const invitation = (await this.#rows.update(this.#host, key, row => take(row, who))) as Invitation
    try {
      await create()
    } catch (error) {
      await this.#rows.update(this.#host, key, row => row && giveBack(row, who))
      throw error
    }
    if (invitation.uses === 0) await this.#settle(key, invitation)
    return invitation
  }

  /** For which invitation an address is kept. XEP-0445 §5: at least until that expires. */
  async keptFor(newcomer: JID): Promise<string | undefined> {
    const reservation = await this.#names.get(this.#host, newcomer.local)
    return reservation !== undefined && reservation.expires > this.#clock.now() ? reservation.key : undefined
  }

  /** Those that are good or have been used, until a day after they expire. */
  async list(): Promise<Listed[]> {
    const all: Listed[] = []
    for await (const [key, row] of this.#all()) all.push({ ...row, id: key.slice(0, ID_LENGTH) })
    return all.sort((a, b) => a.created - b.created)
  }

  /** Ends an invitation by its id. False: there is none. */
  async revoke(id: string): Promise<boolean> {
    if (id.length < ID_LENGTH) return false
    const { items } = await this.#rows.page(this.#host, { prefix: id }, 1)
    for (const { key, item } of items) await this.#remove(key, item)
    return items.length > 0
  }

  /** Ends all invitations that an account has made, and those to become its contact. */
  async revokeOf(account: JID): Promise<void> {
    const address = account.toString()
    for await (const [key, row] of this.#all())
      if (row.inviter === address || row.by === address) await this.#remove(key, row)
  }

  async *#all(): AsyncGenerator<[key: string, row: Invitation]> {
    for await (const { items } of pagesOf(this.#rows, this.#host))
      for (const { key, item } of items) yield [key, item]
  }

  /** Removes what has expired, and some more. A day later: who has shown his token in time may still be typing. */
  async #sweep(also: (row: Invitation) => boolean = () => false): Promise<void> {
    const old = this.#clock.now() - DAY_MS
    for await (const [key, row] of this.#all())
      if (row.expires < old || also(row)) await this.#remove(key, row)
  }

  async #remove(key: string, invitation: Invitation): Promise<void> {
    await this.#rows.update(this.#host, key, () => undefined)
    await this.#settle(key, invitation)
  }

  /** Lets go of what is kept for an invitation as long as it is good. */
  async #settle(key: string, { name, by }: Invitation): Promise<void> {
    if (name !== undefined) await this.#release(name, key)
    if (by !== undefined) await this.#open.update(JID.parse(by), key, () => undefined)
  }

  async #reserve(name: string, reservation: Reservation): Promise<void> {
    const now = this.#clock.now()
    await this.#names.update(this.#host, name, old => {
      if (old !== undefined && old.expires > now)
        throw new TidingsError(
          'TIDINGS_INVITATION_NAME',
          `somebody else is invited as ${name}: choose another name, or revoke that invitation`,
        )
      return reservation
    })
  }

  async #release(name: string, key: string): Promise<void> {
    await this.#names.update(this.#host, name, old => (old?.key === key ? undefined : old))
  }
}

function take(row: Invitation | undefined, who: string): Invitation {
  if (row === undefined || row.uses === 0)
    throw new StanzaError('item-not-found', { text: 'this invitation was used or withdrawn' })
  if (row.name !== undefined && row.name !== who)
    throw new StanzaError('not-acceptable', { text: `this invitation is for the name ${row.name}` })
  return { ...row, uses: row.uses - 1, accounts: [...row.accounts, who] }
}

function giveBack(row: Invitation, who: string): Invitation {
  return { ...row, uses: row.uses + 1, accounts: row.accounts.filter(one => one !== who) }
}

/** One whose id does not begin with a dash: on a command line that would be an option. */
function newToken(): string {
  const token = Array.from({ length: TOKEN_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return keyOf(token).startsWith('-') ? newToken() : token
}

/** A token is as random as a key, so a plain hash of it cannot be reversed by guessing. */
function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
