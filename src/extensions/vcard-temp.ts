/** XEP-0054: vcard-temp. */
import { commit } from '../core/commit.ts'
import { StanzaError } from '../core/errors.ts'
import { defineExtension, get, type IqContext, set } from '../core/extension.ts'
import { ownSession } from '../core/iq.ts'
import { type Maybe, then } from '../core/maybe.ts'
import { option } from '../core/options.ts'
import type { Storage, Table } from '../storage/types.ts'
import { NS } from '../xml/ns.ts'
import { parseElement, printAlone } from '../xml/stored.ts'

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
  setup(host, options) {
    const table = cards(host.storage)

    async function read({ owner, session }: IqContext) {
      const stored = await table.get(owner, KEY)
      if (stored !== undefined) return parseElement(stored)
      // XEP-0054 §3.1; §3.3: of somebody else the same as for an account that does not exist, so that nobody learns which do.
      throw new StanzaError(session === undefined ? 'service-unavailable' : 'item-not-found')
    }

    function write(iq: IqContext): Maybe<undefined> {
      const { owner, payload } = iq
      // XEP-0054 §3.2
      ownSession(iq)
      const text = printAlone(payload)
      if (Buffer.byteLength(text) > options.bytes)
        throw new StanzaError('policy-violation', { text: `a card has at most ${options.bytes} bytes` })
      return then(commit(host.storage, [table.put(owner, KEY, text)], host.log), () => undefined)
    }

    return {
      iq: [
        get(NS.vcard, 'vCard', 'account', read, { access: 'any' }),
        set(NS.vcard, 'vCard', 'account', write, { access: 'any' }),
      ],
    }
  },
})

function cards(storage: Storage): Table<string> {
  return storage.table<string>('vcard-temp', 'lww')
}
