/** PLAIN: RFC 4616. */
import { isUtf8 } from 'node:buffer'
import { accountOf } from './identity.ts'
import { type SaslContext, SaslError, type SaslStep } from './types.ts'

/** Checks the one message of PLAIN. Throws a SaslError. */
export async function plain(message: Buffer, context: SaslContext): Promise<SaslStep> {
  // RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd, all in UTF-8.
  const parts = isUtf8(message) ? message.toString().split('\0') : []
  const [authzid, authcid, password] = parts
  if (parts.length !== 3 || authzid === undefined || !authcid || password === undefined)
    throw new SaslError('malformed-request')
  const jid = accountOf(authcid, authzid === '' ? undefined : authzid, context.host)
  if (!(await context.accounts.verify(jid, password))) throw new SaslError('not-authorized')
  return { kind: 'success', data: undefined, jid }
}
