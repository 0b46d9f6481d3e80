/** Roster items in XML: RFC 6121 §2.1.2. */
import { StanzaError } from '../../core/errors.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { ContactRow } from './rows.ts'
import { asks, subscriptionOf } from './states.ts'

/** Bounds of one item. */
export interface ItemLimits {
  /** Bytes of a name, and of the name of a group. */
  readonly nameBytes: number
  readonly groups: number
}

/** What a client wants of a contact. */
export interface ItemWish {
  readonly contact: JID
  /** RFC 6121 §2.5: the contact is to go. */
  readonly remove: boolean
  readonly name?: string
  readonly groups: readonly string[]
}

/** The longest address that can be the key of a row. */
const MAX_ADDRESS_BYTES = 1_024

/** The item of a contact as clients see it. */
export function itemOf(contact: string, row: ContactRow): Element {
  const { name, groups = [], state, approved } = row
  return xml(
    'item',
    {
      jid: contact,
      name,
      subscription: subscriptionOf(state),
      // RFC 6121 §2.1.2.2
      ask: asks(state) ? 'subscribe' : undefined,
      // RFC 6121 §2.1.2.1
      approved: approved ? 'true' : undefined,
    },
    groups.map(group => xml('group', {}, group)),
  )
}

/** The item of a contact that is gone: RFC 6121 §2.5.2. */
export function removedItem(contact: string): Element {
  return xml('item', { jid: contact, subscription: 'remove' })
}

/** Reads the <query/> of a roster set. Throws the StanzaErrors of RFC 6121 §2.3.3. */
export function readWish(query: Element, owner: JID, limits: ItemLimits): ItemWish {
  const [item, ...more] = query.getChildElements()
  // RFC 6121 §2.3.3, §2.5.3: exactly one <item/>.
  if (item === undefined || more.length > 0 || !item.is('item', NS.roster))
    throw new StanzaError('bad-request', { text: 'a roster set has one <item/>' })
  const contact = addressOf(item)
  // RFC 6121 §2.3.3: a user is no contact of his own.
  if (contact.equals(owner)) throw new StanzaError('not-allowed', { text: 'nobody is his own contact' })
  // RFC 6121 §2.1.2.5: of all that a client may write there only this counts.
  if (item.attrs.subscription === 'remove') return { contact, remove: true, groups: [] }
  const name = item.attrs.name as string | undefined
  // RFC 6121 §2.3.3
  if (name !== undefined && Buffer.byteLength(name) > limits.nameBytes)
    throw new StanzaError('not-acceptable', { text: `a name has at most ${limits.nameBytes} bytes` })
  return { contact, remove: false, groups: groupsOf(item, limits), ...(name && { name }) }
}

function addressOf(item: Element): JID {
  const text = item.attrs.jid as string | undefined
  if (text === undefined) throw new StanzaError('bad-request', { text: 'an <item/> has a jid' })
  try {
    const contact = JID.parse(text).bare
    if (Buffer.byteLength(contact.toString()) <= MAX_ADDRESS_BYTES) return contact
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
    throw new StanzaError('jid-malformed', { text: error.message })
  }
  throw new StanzaError('not-acceptable', { text: 'this address is too long for a contact' })
}

function groupsOf(item: Element, limits: ItemLimits): string[] {
  const groups = item.getChildren('group', NS.roster).map(group => group.getText())
  // RFC 6121 §2.3.3: neither twice the same, nor empty, nor too long.
  if (new Set(groups).size < groups.length)
    throw new StanzaError('bad-request', { text: 'a group is named twice' })
  if (groups.length > limits.groups)
    throw new StanzaError('not-acceptable', { text: `a contact is in at most ${limits.groups} groups` })
  for (const group of groups)
    if (group === '' || Buffer.byteLength(group) > limits.nameBytes)
      throw new StanzaError('not-acceptable', {
        text: `the name of a group has 1 to ${limits.nameBytes} bytes`,
      })
  return groups
}
