import { JID } from '../xml/jid.ts'
import { StanzaError } from './errors.ts'

/** An address that a client names in what it asks for. Throws the StanzaError `jid-malformed`. */
export function namedAddress(text: string): JID {
  const address = JID.tryParse(text)
  if (address === undefined) throw new StanzaError('jid-malformed')
  return address
}
