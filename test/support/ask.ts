import type { Extension, IqContext, Place } from '../../src/core/extension.ts'
import type { Host } from '../../src/core/host.ts'
import { defaults, type Options, type OptionValues } from '../../src/core/options.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'

/** A request, as it would reach a handler. */
export interface Question<O extends Options> {
  readonly place: Place
  readonly type?: 'get' | 'set'
  readonly payload: Element
  /** What the handler needs of its host, which is often nothing. */
  readonly host?: Partial<Host>
  readonly options?: Partial<OptionValues<O>>
}

/** Calls the handler that an extension registers for a request, without a server. Gives the printed payload of the answer, '' for none. */
export async function ask<O extends Options>(
  extension: Extension<O>,
  question: Question<O>,
): Promise<string> {
  const { place, type = 'get', payload, host = {} } = question
  const options = { ...defaults(extension.options ?? ({} as O)), ...question.options }
  const { iq = [] } = extension.setup(host as Host, options)
  const [name, namespace] = [payload.getName(), payload.getNS()]
  const claim = iq.find(
    one => one.type === type && one.place === place && one.name === name && one.namespace === namespace,
  )
  if (claim === undefined) throw new Error(`${extension.name} claims no <${name}/> at ${place}`)
  const from = JID.parse('alice@localhost/phone')
  const owner = place === 'server' ? JID.parse('localhost') : from.bare
  const stanza = Stanza.build('iq', { type, id: '1', from, to: owner }, xml(name, { xmlns: namespace }))
  const context: IqContext = { stanza, payload, owner }
  return String((await claim.handler(context)) ?? '')
}
