/** XEP-0054: vcard-temp. */
import { commit } from '../core/commit.ts'
import { StanzaError } from '../core/errors.ts'
import { defineExtension, get, type IqContext, type Registrations, set } from '../core/extension.ts'
import { ownSession } from '../core/iq.ts'
import { type Maybe, then } from '../core/maybe.ts'
import { option } from '../core/options.ts'
import type { Storage, Table, Write } from '../storage/types.ts'
import { copyOf, type Element } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import { parseElement, printAlone } from '../xml/stored.ts'

/** What other extensions do with cards: `host.use(vcardTemp)`. */
export interface Cards {
  /** The card that is stored. */
  get(owner: JID): Promise<Element | undefined>
  /** Stores a card in place of it. */
  put(owner: JID, card: Element): Write
  /** Sets what a card is made of besides, if anybody does. At set-up. */
  convert(conversion: CardConversion): void
}

/** Cards hold what is stored elsewhere, too. */
export interface CardConversion {
  /** A card as it is shown to somebody, in its owner's lane; undefined for none. It may change what it is given. */
  shown(owner: JID, card: Element | undefined, who: JID): Promise<Element | undefined>
  /** Stores a card that its owner has set; in his lane. Rejects with the StanzaError that answers him. */
  stored(owner: JID, card: Element): Promise<void>
}

/** An account has one card. */
const KEY = 'vcard'

export default defineExtension({
  name: 'vcard-temp',
  doc: "Keeps each user's card, with a picture, for everybody to see",
  xeps: [{ xep: 54, version: '1.3.0', status: 'complete' }],
  features: { server: [NS.vcard], account: [NS.vcard] },
  options: {
    bytes: option.integer({
      doc: 'Largest card, picture included',
      default: 128 * 1024,
      min: 1_024,
      max: 4 * 1024 * 1024,
      unit: 'bytes',
    }),
  },
  portable: [
    {
      elements: [['vCard', NS.vcard]],
      async *write({ storage }, owner) {
        const card = await cards(storage).get(owner, KEY)
        if (card !== undefined) yield card
      },
      take: async ({ storage }, owner, element) => [
        cards(storage).put(owner, KEY, printAlone(element.tree())),
      ],
    },
  ],
  setup(host, options): Registrations<Cards> {
    const table = cards(host.storage)
    let conversion: CardConversion | undefined
    const provides: Cards = {
      async get(owner) {
        const stored = await table.get(owner, KEY)
        return stored === undefined ? undefined : parseElement(stored)
      },
      put: (owner, card) => table.put(owner, KEY, printAlone(card)),
      convert(wanted) {
        conversion = wanted
      },
    }

    async function read({ owner, session, stanza }: IqContext) {
      const stored = await provides.get(owner)
      const shown = await host.router.homes.inLane(owner, () =>
        conversion === undefined ? stored : conversion.shown(owner, stored, stanza.from),
      )
      if (shown !== undefined) return shown
      // XEP-0054 §3.1; §3.3: of somebody else the same as for an account that does not exist, so that nobody learns which do.
      throw new StanzaError(session === undefined ? 'service-unavailable' : 'item-not-found')
    }

    function write(iq: IqContext): Maybe<undefined> {
      const { owner, payload } = iq
      // XEP-0054 §3.2
      ownSession(iq)
      const card = copyOf(payload)
      if (Buffer.byteLength(printAlone(card)) > options.bytes)
        throw new StanzaError('policy-violation', { text: `a card has at most ${options.bytes} bytes` })
      const stored = host.router.homes.inLane(owner, () =>
        conversion === undefined
          ? commit(host.storage, [provides.put(owner, card)], host.log)
          : conversion.stored(owner, card),
      )
      return then(stored, () => undefined)
    }

    return {
      iq: [
        get(NS.vcard, 'vCard', 'account', read, { access: 'any' }),
        set(NS.vcard, 'vCard', 'account', write, { access: 'any' }),
      ],
      provides,
    }
  },
})

function cards(storage: Storage): Table<string> {
  return storage.table<string>('vcard-temp', 'lww')
}
