import { JID, JIDError } from '../xml/jid.ts'
import { SaslError } from './types.ts'

/**
 * The account that a client names. Throws a SaslError: `invalid-authzid` for one that is not its own,
 * `not-authorized` for a name that no account can have (which is what an unknown name gets in the end).
 */
export function accountOf(username: string, authzid: string | undefined, host: string): JID {
  const account = parse(() => JID.of(username, host))
  if (account === undefined || account.local === '') throw new SaslError('not-authorized')
  // RFC 6120 §6.3.8, §6.5.6: we let nobody act for somebody else, so an identity given must be the bare address of the account.
  if (authzid !== undefined && !parse(() => JID.parse(authzid))?.equals(account))
    throw new SaslError('invalid-authzid')
  return account
}

function parse(make: () => JID): JID | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof JIDError) return undefined
    throw error
  }
}
