/** XEP-0085: messages that say nothing but whether somebody is typing. */
import type { Element } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'

const CHAT_STATES = ['active', 'composing', 'paused', 'inactive', 'gone']

/**
 * XEP-0085 §5.8, XEP-0160 §3: a chat state and nothing but what goes with it: its thread, hints, ids. It is worth nothing to whoever
 * reads it later.
 */
export function isOnlyChatState(message: Stanza): boolean {
  // Nearly every message has a body.
  if (message.has('body', NS.client)) return false
  if (!CHAT_STATES.some(state => message.has(state, NS.chatStates))) return false
  return message.children().every(goesWithIt)
}

/** The same of a message inside another one. */
export function holdsOnlyChatState(message: Element): boolean {
  const children = message.getChildElements()
  return CHAT_STATES.some(state => message.getChild(state, NS.chatStates)) && children.every(goesWithIt)
}

function goesWithIt(child: Element): boolean {
  const namespace = child.getNS() ?? NS.client
  return (
    namespace === NS.chatStates ||
    namespace === NS.hints ||
    namespace === NS.stanzaIds ||
    (namespace === NS.client && child.getName() === 'thread')
  )
}
