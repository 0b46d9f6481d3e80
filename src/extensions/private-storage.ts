/** XEP-0049: Private XML Storage. */
import { commit } from '../core/commit.ts'
import { StanzaError } from '../core/errors.ts'
import { defineExtension, get, type IqContext, type Registrations, set } from '../core/extension.ts'
import type { Host } from '../core/host.ts'
import { type Maybe, then } from '../core/maybe.ts'
import { option } from '../core/options.ts'
import { pagesOf } from '../core/pages.ts'
import type { Storage, Table, Write } from '../storage/types.ts'
import { copyOf, type Element, xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import { parseElement, printAlone } from '../xml/stored.ts'

/** What other extensions do with pieces of XML: `host.use(privateStorage)`. */
export interface PrivateXml {
  /** Has what clients store under a name stored elsewhere, too. At set-up. */
  convert(name: string, namespace: string, conversion: XmlConversion): void
}

/** A piece of XML that is stored elsewhere, too. Both in the owner's lane. */
export interface XmlConversion {
  /** It, as it is shown; `stored`: what is stored here. */
  shown(owner: JID, stored: Element | undefined): Promise<Element>
  /** Stores it; `write` stores a piece here. Rejects with the StanzaError that answers its owner. */
  stored(owner: JID, given: Element, write: (piece: Element) => Write): Promise<void>
}

export default defineExtension({
  name: 'private-storage',
  doc: "Keeps XML for a user's own clients: bookmarks, settings, notes",
  xeps: [{ xep: 49, version: '1.2', status: 'complete' }],
  features: { server: [NS.privateStorage] },
  options: {
    'items-per-user': option.integer({
      doc: 'Most pieces of XML, each with a name and a namespace, that one user may keep',
      default: 100,
      min: 1,
      max: 1_000,
    }),
  },
  portable: [
    {
      elements: [['query', NS.privateStorage]],
      async *write({ storage }, owner) {
        for await (const { items } of pagesOf(queries(storage), owner)) yield* items.map(({ item }) => item)
      },
      take: async ({ storage }, owner, element) =>
        [...byKey(element.tree())].map(([key, text]) => queries(storage).put(owner, key, text)),
    },
  ],
  setup(host, options): Registrations<PrivateXml> {
    const store = new PrivateStore(host, options['items-per-user'])
    return {
      iq: [
        get(NS.privateStorage, 'query', 'account', iq => store.read(iq)),
        set(NS.privateStorage, 'query', 'account', iq => store.write(iq)),
      ],
      provides: store,
    }
  },
})

/** Rows are whole queries, printed, by name and namespace of what they hold: a query also declares the prefixes that are used in it. */
class PrivateStore implements PrivateXml {
  readonly #host: Host
  readonly #table: Table<string>
  readonly #most: number
  readonly #conversions = new Map<string, XmlConversion>()

  constructor(host: Host, most: number) {
    this.#host = host
    this.#table = queries(host.storage)
    this.#most = most
  }

  convert(name: string, namespace: string, conversion: XmlConversion): void {
    this.#conversions.set(`${name} ${namespace}`, conversion)
  }

  async read({ owner, payload }: IqContext): Promise<Element> {
    const [wanted, ...others] = payload.getChildElements()
    // XEP-0049 §2.3: the error has had several names; and no more than one namespace is asked for.
    if (wanted === undefined || others.length > 0)
      throw new StanzaError('bad-request', { text: 'one element says what is asked for' })
    const key = keyOf(wanted)
    const stored = await this.#table.get(owner, key)
    const conversion = this.#conversions.get(key)
    if (conversion !== undefined) {
      const piece = stored === undefined ? undefined : parseElement(stored).getChildElements()[0]
      const { homes } = this.#host.router
      const shown = await homes.inLane(owner, () => conversion.shown(owner, piece))
      return xml('query', { xmlns: NS.privateStorage }, shown)
    }
    if (stored !== undefined) return parseElement(stored)
    return xml('query', { xmlns: NS.privateStorage }, copyOf(wanted))
  }

  write({ owner, payload }: IqContext): Maybe<undefined> {
    const given = byKey(payload)
    // XEP-0049 §2.3: at least one element with a proper namespace MUST be included; otherwise "Not Acceptable".
    if (given.size === 0) throw new StanzaError('not-acceptable', { text: 'there is nothing to be stored' })
    return then(
      this.#host.router.homes.inLane(owner, () => this.#store(owner, given)),
      () => undefined,
    )
  }

  async #store(owner: JID, given: ReadonlyMap<string, string>): Promise<void> {
    const { items } = await this.#table.page(owner, {}, this.#most)
    const keys = new Set([...items.map(({ key }) => key), ...given.keys()])
    if (keys.size > this.#most)
      throw new StanzaError('resource-constraint', {
        type: 'cancel',
        text: `no more than ${this.#most} pieces of XML are kept`,
      })
    const writes: Write[] = []
    for (const [key, text] of given) {
      const conversion = this.#conversions.get(key)
      const [piece] = conversion === undefined ? [] : parseElement(text).getChildElements()
      if (conversion === undefined || piece === undefined) writes.push(this.#table.put(owner, key, text))
      else await conversion.stored(owner, copyOf(piece), rest => this.#table.put(owner, key, queryOf(rest)))
    }
    await commit(this.#host.storage, writes, this.#host.log)
  }
}

/** What a query holds, as rows: an element replaces all of its name and namespace that were there. */
function byKey(payload: Element): Map<string, string> {
  const queries = new Map<string, Element>()
  for (const child of payload.getChildElements()) {
    const key = keyOf(child)
    const query = queries.get(key) ?? xml('query', payload.attrs as Record<string, string>)
    query.cnode(copyOf(child))
    queries.set(key, query)
  }
  return new Map([...queries].map(([key, query]) => [key, printAlone(query)]))
}

/** A piece as a row. */
function queryOf(piece: Element): string {
  return printAlone(xml('query', { xmlns: NS.privateStorage }, piece))
}

function keyOf(element: Element): string {
  const namespace = element.getNS()
  if (namespace === undefined || namespace === NS.privateStorage || namespace === NS.client)
    throw new StanzaError('not-acceptable', { text: 'what is stored needs a namespace of its own' })
  const key = `${element.getName()} ${namespace}`
  if (Buffer.byteLength(key) > 1_024)
    throw new StanzaError('not-acceptable', { text: 'the namespace is too long' })
  return key
}

function queries(storage: Storage): Table<string> {
  return storage.table<string>('private-storage', 'lww')
}
