/** A client among many that do all that clients do (mixed-traffic.ts), and what has come to it. */
import { NS } from '../../src/xml/ns.ts'
import type { TestSession } from './core.ts'
import { parseXml, type XmlElement } from './dialogue/xml.ts'

/** One client; everything in the order it came. */
export class MixedClient {
  readonly session: TestSession
  readonly user: string
  readonly messages: XmlElement[] = []
  /** Of messages of and to the user's other client (XEP-0280). */
  readonly copies: XmlElement[] = []
  /** The numbers in the presence of each address. */
  readonly presence = new Map<string, number[]>()
  /** Items of roster pushes. */
  readonly pushes: XmlElement[] = []
  /** Of other clients. */
  readonly requests: XmlElement[] = []
  readonly answers: XmlElement[] = []
  #read = 0

  constructor(session: TestSession, user: string) {
    this.session = session
    this.user = user
  }

  get address(): string {
    return this.session.jid.toString()
  }

  /** Sorts what has come since the last time; gives it. */
  read(): readonly XmlElement[] {
    const { received } = this.session
    const fresh = received
      .slice(this.#read)
      .flatMap(text => parseXml(text))
      .flatMap(event => (event.kind === 'element' ? [event.element] : []))
    this.#read = received.length
    for (const element of fresh) this.#sort(element)
    return fresh
  }

  #sort(element: XmlElement): void {
    const { name } = element
    if (name === 'presence') this.#sortPresence(element)
    else if (name === 'message') this.#sortMessage(element)
    else if (isAnswer(element)) this.answers.push(element)
    else {
      const query = child(element, 'query')
      if (query?.namespace === NS.roster) this.pushes.push(child(query, 'item') as XmlElement)
      else this.requests.push(element)
    }
  }

  #sortPresence(element: XmlElement): void {
    const from = attribute(element, 'from')
    const status = child(element, 'status')
    if (status !== undefined)
      this.presence.set(from, [...(this.presence.get(from) ?? []), Number(status.children.join(''))])
  }

  #sortMessage(element: XmlElement): void {
    const copy = child(element, 'sent') ?? child(element, 'received')
    if (copy?.namespace !== NS.carbons) this.messages.push(element)
    else this.copies.push(child(child(copy, 'forwarded') as XmlElement, 'message') as XmlElement)
  }
}

/** The first child with this name. */
export function child(element: XmlElement, name: string): XmlElement | undefined {
  for (const one of element.children) if (typeof one === 'object' && one.name === name) return one
  return undefined
}

/** The value of an attribute; empty for none. */
export function attribute(element: XmlElement, name: string): string {
  return element.attributes.get(name) ?? ''
}

/** Whether it answers a request. */
function isAnswer(element: XmlElement): boolean {
  return element.name === 'iq' && ['result', 'error'].includes(attribute(element, 'type'))
}
