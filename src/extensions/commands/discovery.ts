/** XEP-0050 §2.2: which commands there are, as nodes of service discovery. */
import { StanzaError } from '../../core/errors.ts'
import type { Place } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import type { DiscoNodes } from '../disco.ts'
import type { Catalogue } from './catalogue.ts'

/** The list of the commands of a place, and a node for each. */
export function commandNodes(place: Place, catalogue: Catalogue): DiscoNodes {
  return {
    async items({ stanza: { from }, owner, session }, node) {
      if (place === 'account' && session === undefined) return undefined
      if (node !== NS.commands) return catalogue.find(place, node) && []
      const jid = owner.toString()
      const all = await catalogue.listFor(place, from)
      return all.map(command => xml('item', { jid, node: command.node, name: command.name }))
    },
    async info({ stanza: { from }, session }, node) {
      // The commands of an account are its owner's, whoever else may look at it.
      if (place === 'account' && session === undefined) return undefined
      if (node === NS.commands) return [identity('command-list', 'Commands'), feature(NS.commands)]
      if (catalogue.find(place, node) === undefined) return undefined
      // XEP-0050 §2.2: "If the command is not available to the requester, the responder SHOULD respond with a 403".
      const { name } = await catalogue.runnable(place, node, from, () => new StanzaError('forbidden'))
      return [identity('command-node', name), feature(NS.commands), feature(NS.forms)]
    },
  }
}

function identity(type: string, name: string): Element {
  return xml('identity', { category: 'automation', type, name })
}

function feature(name: string): Element {
  return xml('feature', { var: name })
}
