/** Takes users of another server, or of another storage, in: XEP-0227, and lines of JSON where they lie beside it. */
import { access } from 'node:fs/promises'
import { TidingsError } from '../../core/errors.ts'
import { JID } from '../../xml/jid.ts'
import { linesBeside, type RowLine } from './lines.ts'
import { type Found, readPortable } from './read.ts'
import { holds, readLines, storeRow } from './take-lines.ts'
import { NewUser } from './take-user.ts'
import type { MoveResult, Premises, Witness } from './types.ts'

/** The table with the key of a host's archive ids: with another one all ids would be others. */
const IDS = 'archive-ids'
/** Users between two looks at how far it is. */
const STEP = 10

/** Imports a file or a folder. Users who have an account are left as they are, so one that was broken off goes on where it was. */
export async function importFrom(path: string, premises: Premises, witness: Witness): Promise<MoveResult> {
  const taking = new Taking(premises, witness)
  for await (const found of readPortable(path)) await taking.take(found)
  return taking.end()
}

class Taking {
  readonly #premises: Premises
  readonly #witness: Witness
  /** Undefined where it is not served. */
  #host: string | undefined
  #user: NewUser | undefined
  #password: string | undefined
  #moved = 0
  #skipped = 0
  /** How often what was met that is of no use here. */
  readonly #foreign = new Map<string, number>()

  constructor(premises: Premises, witness: Witness) {
    this.#premises = premises
    this.#witness = witness
  }

  async take(found: Found): Promise<void> {
    if (found.kind === 'host') await this.#takeHost(found)
    else if (found.kind === 'user') await this.#begin(found)
    else if (found.kind === 'user-end') await this.#end()
    else if (found.kind === 'ignored') this.#ignore(found.what)
    else if (this.#user !== undefined) {
      const { element, within } = found
      const taken = await this.#user.take(element, within)
      if (taken === 'foreign') this.#ignore(`<${element.name} xmlns="${element.ns}"/>`)
      if (taken === 'wrong')
        await this.#witness.notice(
          `${this.#user.jid}: <${element.name} xmlns="${element.ns}"/> makes no sense and was left out`,
        )
    }
  }

  #ignore(what: string): void {
    this.#foreign.set(what, (this.#foreign.get(what) ?? 0) + 1)
  }

  /** XEP-0227 §4.1: the operator is told of a host that is not here. */
  async #takeHost({ jid, file }: Extract<Found, { kind: 'host' }>): Promise<void> {
    const host = JID.tryParse(jid)?.domain
    this.#host = host !== undefined && this.#premises.hosts.includes(host) ? host : undefined
    if (this.#host === undefined)
      return this.#witness.notice(`${jid} is not served here, and its users were left out: add it to "hosts"`)
    const lines = await linesOfFile(file)
    if (lines !== undefined) await this.#takeHostRows(JID.of('', this.#host), lines)
  }

  async #takeHostRows(host: JID, file: string): Promise<void> {
    for await (const line of readLines(file, host)) {
      if (!('table' in line)) continue
      const held = await holds(this.#premises.storage, host, line)
      if (held === 'other' && line.table === IDS) await this.#checkUnused(host)
      if (held === 'none' || (held === 'other' && line.table === IDS)) await this.#store(host, line)
    }
  }

  #store(host: JID, row: RowLine): Promise<void> {
    return storeRow(this.#premises, host, row)
  }

  /** Ids that a host has given must stay what they are, and a server that runs goes on with the key that it has read. */
  async #checkUnused(host: JID): Promise<void> {
    const { accounts, running } = this.#premises
    const used = (await accounts.list(host.domain, undefined, 1)).length > 0
    if (!used && !running) return
    const what = used
      ? 'import into a server that has no accounts of this host yet'
      : 'stop the server, import, and start it again'
    throw new TidingsError(
      'TIDINGS_IMPORT_HOST',
      `${host} gives ids of archived messages with another key here than there: ${what}`,
    )
  }

  async #begin({ name, password, file }: Extract<Found, { kind: 'user' }>): Promise<void> {
    this.#user = undefined
    this.#password = password
    if (this.#host === undefined) return
    const jid = JID.tryParse(`${name}@${this.#host}`)
    if (jid === undefined || jid.local === '' || !jid.isBare)
      return this.#witness.notice(`"${name}" can be no user of ${this.#host}, and was left out`)
    if (await this.#premises.accounts.exists(jid)) this.#skipped++
    else this.#user = await NewUser.begin(this.#premises, jid, await linesOfFile(file))
  }

  async #end(): Promise<void> {
    const user = this.#user
    this.#user = undefined
    if (user === undefined) return
    if (!(await user.end(this.#password)))
      await this.#witness.notice(`${user.jid} has no password here: tidings user passwd ${user.jid}`)
    this.#moved++
    if (this.#moved % STEP === 0) await this.#witness.progress(this.#moved + this.#skipped, undefined)
  }

  async end(): Promise<MoveResult> {
    // XEP-0227 §4: the operator is told.
    for (const [what, count] of this.#foreign) await this.#witness.notice(`${what} was left out (${count})`)
    return { moved: this.#moved, skipped: this.#skipped }
  }
}

/** The lines of JSON that lie beside a file, if there are any. */
async function linesOfFile(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  const lines = linesBeside(file)
  return access(lines).then(
    () => lines,
    () => undefined,
  )
}
