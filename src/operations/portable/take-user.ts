/** Takes one user in: begun, filled, and made an account last. */
import { TidingsError } from '../../core/errors.ts'
import type { Portable } from '../../core/portable.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { TopElement } from '../../xml/top-element.ts'
import type { RowLine } from './lines.ts'
import { readKeys } from './scram-credentials.ts'
import { storeRow, takeLines } from './take-lines.ts'
import { BEGUN, type KeysByHash, type Premises } from './types.ts'

/** What an element came to: stored, or of no use here, or wrong. */
export type Taken = 'taken' | 'foreign' | 'wrong'

/** A user on the way in. */
export class NewUser {
  readonly jid: JID
  readonly #premises: Premises
  #keys: KeysByHash = {}
  /** Of the lines of JSON, if they are where everything comes from. */
  #account: RowLine | undefined
  #hasLines = false

  private constructor(premises: Premises, jid: JID) {
    this.#premises = premises
    this.jid = jid
  }

  /** Begins; what an import that was broken off has left is erased first. `lines`: the file of lines, if there is one. */
  static async begin(premises: Premises, jid: JID, lines: string | undefined): Promise<NewUser> {
    const { storage } = premises
    const begun = storage.table<true>(BEGUN.table, 'lww')
    if ((await begun.get(jid, BEGUN.key)) !== undefined) await storage.forget(jid)
    await storage.commit([begun.put(jid, BEGUN.key, true)])
    const user = new NewUser(premises, jid)
    if (lines !== undefined) {
      user.#hasLines = true
      user.#account = await takeLines(premises, jid, lines)
      if (user.#account === undefined)
        throw new TidingsError('TIDINGS_IMPORT_FILE', `${lines} has no account of ${jid}`)
    }
    return user
  }

  /** Takes an element of XEP-0227. What the lines of JSON have already is not taken twice. */
  async take(element: TopElement, within: string | undefined): Promise<Taken> {
    if (this.#hasLines) return 'taken'
    if (within === undefined && element.name === 'scram-credentials' && element.ns === NS.portableScram) {
      const keys = readKeys(element)
      this.#keys = { ...this.#keys, ...keys }
      return keys === undefined ? 'foreign' : 'taken'
    }
    const portable = this.#premises.portables.find(one => takes(one, element, within))
    if (portable === undefined) return 'foreign'
    try {
      const writes = await portable.take(this.#premises, this.jid, element)
      await this.#premises.storage.commit(writes)
      return 'taken'
    } catch (error) {
      // A storage that fails is not the element's fault; one that refuses it (too large, no proper key) says so of this one alone.
      if (error instanceof Error && 'retryable' in error && error.retryable === true) throw error
      return 'wrong'
    }
  }

  /** Makes the account, which says that all is there. Whether somebody can sign in to it. */
  async end(password: string | undefined): Promise<boolean> {
    const { storage, accounts } = this.#premises
    let canSignIn = true
    if (this.#account !== undefined) await storeRow(this.#premises, this.jid, this.#account)
    else {
      const keys = password === undefined ? this.#keys : await this.#derived(password)
      canSignIn = Object.keys(keys).length > 0
      await accounts.add(this.jid, keys)
    }
    await storage.commit([storage.table<true>(BEGUN.table, 'lww').delete(this.jid, BEGUN.key)])
    return canSignIn
  }

  /** A password that is not allowed here leaves what keys there are. */
  async #derived(password: string): Promise<KeysByHash> {
    try {
      return await this.#premises.accounts.deriveKeys(password)
    } catch (error) {
      if (error instanceof TidingsError && error.code === 'TIDINGS_ACCOUNT_PASSWORD') return this.#keys
      throw error
    }
  }
}

function takes(portable: Portable, element: TopElement, within: string | undefined): boolean {
  return (
    portable.within === within &&
    portable.elements.some(([name, ns]) => name === element.name && ns === element.ns)
  )
}
