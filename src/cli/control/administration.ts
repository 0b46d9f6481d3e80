/** What can be done to accounts from outside: in the running server (control/server.ts) or without it (main.ts). */
import type { Accounts } from '../../auth/accounts.ts'
import { type ImportEntry, importAccounts } from '../../auth/import.ts'
import { TidingsError } from '../../core/errors.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { codeAndText } from '../failure.ts'
import { type ContactsPart, importContacts } from './contacts.ts'
import { type InvitationAdministration, invite, revoke } from './invitations.ts'
import { type KeyAdministration, listKeys, removeKeys } from './keys.ts'
import type { AnyLine, ContactLine, Done, ImportLine, News, Request } from './protocol.ts'

/** Carries out requests. `lines` are those of an import; `tell` is waited for, so a slow reader slows the work. */
export type Administration = (
  request: Request,
  lines: AsyncIterable<AnyLine>,
  tell: (news: News) => Promise<void>,
) => Promise<Done>

/** What requests are carried out on. */
export interface AdministrationParts extends ContactsPart {
  readonly accounts: Accounts
  /** Prepared domains of the server. */
  readonly hosts: readonly string[]
  /** Closes the sessions of an account that is gone, and erases all that is kept for it. */
  readonly forget: (account: JID) => Promise<void>
  readonly invitations: InvitationAdministration
  readonly keys: KeyAdministration
}

/** Accounts told of in one piece of news. */
const PAGE = 500
/** Accounts made between two pieces of news. */
const STEP = 50

/** Administration of accounts at hand. */
export function administration(parts: AdministrationParts): Administration {
  const { accounts } = parts
  const accountOf = (text: string): JID => parseAccount(text, parts.hosts)
  return async (request, lines, tell) => {
    switch (request.op) {
      case 'user.add':
        await accounts.create(
          accountOf(request.jid),
          request.password,
          request.role && { role: request.role },
        )
        return {}
      case 'user.passwd':
        await accounts.setPassword(accountOf(request.jid), request.password)
        return {}
      case 'user.remove':
        return remove(parts, accountOf(request.jid))
      case 'user.list':
        return list(parts, tell)
      case 'user.import':
        return importLines(parts, lines as AsyncIterable<ImportLine>, tell, request.sharedSalt === true)
      case 'roster.import':
        return importContacts(parts, lines as AsyncIterable<ContactLine>, tell, accountOf)
      case 'invite.create':
        return { invitation: await invite(parts, request, accountOf) }
      case 'invite.list':
        await tell({ invitations: await parts.invitations.list() })
        return {}
      case 'invite.revoke':
        await revoke(parts, request.id)
        return {}
      case 'keys.list':
        await tell({ devices: await listKeys(parts, accountOf(request.jid)) })
        return {}
      case 'keys.remove':
        await removeKeys(parts, accountOf(request.jid), request.device)
        return {}
      default:
        throw new TidingsError(
          'TIDINGS_CONTROL_PROTOCOL',
          `the server does not know "${(request as { op: unknown }).op}": is it an older version? Restart it`,
        )
    }
  }
}

/** The address of an account of this server. Throws a TidingsError. */
function parseAccount(text: string, hosts: readonly string[]): JID {
  let jid: JID
  try {
    jid = JID.parse(text)
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
    throw new TidingsError(
      'TIDINGS_ACCOUNT_ADDRESS',
      `"${text}" is no account address (${error.message}): write name@host`,
    )
  }
  if (jid.local === '' || !jid.isBare)
    throw new TidingsError('TIDINGS_ACCOUNT_ADDRESS', `"${text}" is no account address: write name@host`)
  if (!hosts.includes(jid.domain))
    throw new TidingsError(
      'TIDINGS_ACCOUNT_HOST',
      `${jid.domain} is not served here, only ${hosts.join(', ')}: add it to "hosts" in the configuration first`,
    )
  return jid
}

async function remove({ accounts, forget }: AdministrationParts, account: JID): Promise<Done> {
  // First the account, so that nobody signs in while the rest goes.
  const found = await accounts.remove(account)
  // Also without an account: an earlier removal may have failed here.
  await forget(account)
  if (!found) throw new TidingsError('TIDINGS_ACCOUNT_UNKNOWN', `there is no account ${account}`)
  return {}
}

async function list(
  { accounts, hosts }: AdministrationParts,
  tell: (news: News) => Promise<void>,
): Promise<Done> {
  for (const host of hosts) {
    let last: JID | undefined
    for (;;) {
      const page = await accounts.list(host, last, PAGE)
      if (page.length === 0) break
      last = page.at(-1)!.jid
      await tell({ accounts: page.map(({ jid, role }) => ({ jid: jid.toString(), role })) })
    }
  }
  return {}
}

async function importLines(
  { accounts, hosts }: AdministrationParts,
  lines: AsyncIterable<ImportLine>,
  tell: (news: News) => Promise<void>,
  sharedSalt: boolean,
): Promise<Done> {
  const lineOf = new Map<ImportEntry, number>()
  let refused = 0
  let created = 0
  let told: Promise<void> = Promise.resolve()
  const refuse = (line: number, error: unknown): void => {
    const failure = codeAndText(error)
    if (failure === undefined) throw error
    refused++
    told = tell({ refused: { line, ...failure } })
  }
  const entries = async function* (): AsyncGenerator<ImportEntry> {
    for await (const { line, jid, password } of lines) {
      await told
      try {
        const entry = { jid: parseAccount(jid, hosts), password }
        lineOf.set(entry, line)
        yield entry
      } catch (error) {
        refuse(line, error)
      }
    }
  }
  const progress = (entry: ImportEntry, error: TidingsError | undefined): void => {
    const line = lineOf.get(entry)!
    lineOf.delete(entry)
    if (error !== undefined) refuse(line, error)
    else if (++created % STEP === 0) told = tell({ imported: created })
  }
  await importAccounts(accounts, entries(), { sharedSalt, progress })
  await told
  return { created, refused }
}
