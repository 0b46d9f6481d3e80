/** What is sent to those who are told of what happens to nodes: XEP-0060 §7.1.2. */
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { parseElement } from '../../xml/stored.ts'
import type { Item, Node } from './node.ts'

/** Who wants to know what. */
export interface LastWish {
  /** A full JID. */
  readonly to: string
  readonly nodes: readonly string[]
}

/** What has happened to a node of somebody. */
export interface News {
  readonly from: string
  readonly node: string
  /** A stanza, packed, in Base64: without an addressee. */
  readonly message: string
  /** Addresses that get it in another way. */
  readonly except?: readonly string[]
}

/** An item as it is shown: XEP-0060 §7.1.2.1. */
export function itemEvent(owner: JID, node: Node, { id, payload, publisher }: Omit<Item, 'seq'>): Element {
  const shown = payload !== undefined && node.config.payloads && parseElement(payload)
  // XEP-0060 §7.1.2.3: where more than one may publish.
  const by = owner.local === '' ? { publisher: JID.parse(publisher).bare.toString() } : {}
  return event(xml('items', { node: node.name }, xml('item', { id, ...by }, shown)))
}

export function event(content: Element): Element {
  return xml('event', { xmlns: NS.pubsubEvent }, content)
}

/** A stanza about a node, to be addressed to whoever is told. */
export function headline(owner: JID, content: Element): Stanza {
  return Stanza.build('message', { from: owner, type: 'headline' }, content)
}

/** What has happened, as it goes to the homes of those who are told. */
export function newsOf(owner: JID, { name }: Node, message: Stanza): News {
  return { from: owner.toString(), node: name, message: message.toFrame().toString('base64') }
}

export function unpacked(message: string): Stanza {
  return Stanza.fromFrame(Buffer.from(message, 'base64'))
}
