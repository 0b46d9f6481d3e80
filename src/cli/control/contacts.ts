/** Contacts of many accounts at once. */
import type { Accounts } from '../../auth/accounts.ts'
import { TidingsError } from '../../core/errors.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { codeAndText } from '../failure.ts'
import type { ContactLine, Done, News } from './protocol.ts'

/** A contact as it is to be. */
export interface NewContact {
  /** Bare. */
  readonly contact: JID
  readonly subscription: (typeof SUBSCRIPTIONS)[number]
}

/** What contacts are added with. */
export interface ContactsPart {
  readonly accounts: Accounts
  /** Adds contacts to the roster of an account. One call at a time for one account. */
  readonly addContacts: (account: JID, contacts: readonly NewContact[]) => Promise<void>
}

/** RFC 6121 §2.1.2.5 */
const SUBSCRIPTIONS = ['none', 'to', 'from', 'both'] as const
/** Lines that are sorted by account and then stored together. */
const CHUNK = 2_000

/** Adds contacts line by line; a bad line is told of, and the rest goes on. */
export async function importContacts(
  { accounts, addContacts }: ContactsPart,
  lines: AsyncIterable<ContactLine>,
  tell: (news: News) => Promise<void>,
  accountOf: (text: string) => JID,
): Promise<Done> {
  let created = 0
  let refused = 0
  const add = async (chunk: readonly ContactLine[]): Promise<void> => {
    const refuse = async (line: number, error: unknown): Promise<void> => {
      const failure = codeAndText(error)
      if (failure === undefined) throw error
      refused++
      await tell({ refused: { line, ...failure } })
    }
    const work = [...Map.groupBy(chunk, line => prepared(line.jid)).values()].map(async own => {
      try {
        const account = await requireAccount(accounts, accountOf(own[0]!.jid))
        const contacts = await readContacts(own, account, refuse)
        if (contacts.length > 0) await addContacts(account, contacts)
        created += contacts.length
      } catch (error) {
        for (const { line } of own) await refuse(line, error)
      }
    })
    await Promise.all(work)
    await tell({ imported: created })
  }
  let chunk: ContactLine[] = []
  for await (const line of lines) {
    chunk.push(line)
    if (chunk.length < CHUNK) continue
    await add(chunk)
    chunk = []
  }
  if (chunk.length > 0) await add(chunk)
  return { created, refused }
}

/** Two ways to write an address are one account. What is no address is refused later. */
function prepared(text: string): string {
  return JID.tryParse(text)?.toString() ?? text
}

async function requireAccount(accounts: Accounts, account: JID): Promise<JID> {
  if (await accounts.exists(account)) return account
  throw new TidingsError('TIDINGS_ACCOUNT_UNKNOWN', `there is no account ${account}`)
}

async function readContacts(
  lines: readonly ContactLine[],
  account: JID,
  refuse: (line: number, error: unknown) => Promise<void>,
): Promise<NewContact[]> {
  const contacts: NewContact[] = []
  for (const line of lines) {
    try {
      contacts.push(readContact(line, account))
    } catch (error) {
      await refuse(line.line, error)
    }
  }
  return contacts
}

function readContact({ contact: text, subscription: wanted }: ContactLine, account: JID): NewContact {
  const subscription = SUBSCRIPTIONS.find(one => one === wanted)
  if (subscription === undefined)
    throw new TidingsError(
      'TIDINGS_IMPORT_CONTACT',
      `"${wanted}" is no subscription: write none, to, from or both`,
    )
  try {
    const contact = JID.parse(text).bare
    if (!contact.equals(account)) return { contact, subscription }
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
    throw new TidingsError('TIDINGS_IMPORT_CONTACT', `"${text}" is no address (${error.message})`)
  }
  throw new TidingsError('TIDINGS_IMPORT_CONTACT', `${account} is no contact of its own`)
}
