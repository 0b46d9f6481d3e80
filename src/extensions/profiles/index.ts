/** XEP-0084, XEP-0292, XEP-0398: what users say of themselves is the same, in whichever form clients say it and ask for it. */
import { commit } from '../../core/commit.ts'
import { defineExtension, stage } from '../../core/extension.ts'
import { attempt, then } from '../../core/maybe.ts'
import { xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import pubsub from '../pubsub/index.ts'
import vcardTemp from '../vcard-temp.ts'
import { Avatars } from './avatars.ts'
import { toVcard4, toVcardTemp } from './cards.ts'

/** The one item of the node of a card: whatever clients call theirs, the node keeps one. */
const CARD = 'current'

export default defineExtension({
  name: 'profiles',
  doc: 'Keeps avatars (XEP-0084) and photos of cards, vCard4 and vcard-temp in step',
  xeps: [
    { xep: 84, version: '1.1.4', status: 'complete' },
    { xep: 153, version: '1.1.1', status: 'complete', note: 'the hash comes with every presence' },
    // XEP-0172 §4.6: a nickname is published like anything else, and what messages say of it goes with them.
    { xep: 172, version: '1.1', status: 'complete' },
    { xep: 292, version: '0.12.0', status: 'complete' },
    { xep: 398, version: '1.0.0', status: 'complete' },
  ],
  features: { account: [NS.avatarConversion] },
  follows: [vcardTemp, pubsub],
  setup(host) {
    const cards = host.use(vcardTemp)
    const published = host.use(pubsub)
    const avatars = new Avatars(published)
    cards.convert({
      async shown(owner, card, who) {
        const photo = await avatars.photo(owner, who)
        if (photo === undefined) return card
        const whole = card ?? xml('vCard', { xmlns: NS.vcard })
        for (const other of whole.getChildren('PHOTO')) whole.remove(other)
        whole.cnode(photo)
        return whole
      },
      async stored(owner, card) {
        const edits = [...(await avatars.taken(owner, card))]
        const before = await published.last(owner, NS.vcard4Node)
        const payload = printAlone(
          toVcard4(card, before?.payload === undefined ? undefined : parseElement(before.payload)),
        )
        edits.push({ node: NS.vcard4Node, make: {}, put: { id: before?.id ?? CARD, payload } })
        avatars.forget(owner)
        // One commit: the forms are never out of step.
        await published.edit(owner, edits, [cards.put(owner, card)])
      },
    })
    published.listen(NS.avatarMetadata, {
      published: owner => avatars.forget(owner),
      removed: owner => avatars.forget(owner),
    })
    published.listen(NS.vcard4Node, {
      async published(owner, { payload }) {
        if (payload === undefined) return
        const card = toVcardTemp(parseElement(payload), await cards.get(owner))
        await commit(host.storage, [cards.put(owner, card)], host.log)
      },
      // What others can see is not to stay in another form.
      removed: async owner => {
        const card = toVcardTemp(xml('vcard', { xmlns: NS.vcard4 }), await cards.get(owner))
        await commit(host.storage, [cards.put(owner, card)], host.log)
      },
    })
    return {
      stages: [
        // Before the hash is written into presence it has to be known: the first time it is read.
        stage('guard', { kind: 'presence', side: 'sender' }, ({ type }, { owner }) =>
          type === undefined && !avatars.knows(owner)
            ? attempt(
                () =>
                  then(
                    host.router.homes.inLane(owner, () => avatars.learn(owner)),
                    () => undefined,
                  ),
                // Presence is worth more than what adorns it: where storage fails it goes without.
                () => undefined,
              )
            : undefined,
        ),
        stage('stamp', { kind: 'presence', side: 'sender' }, (presence, { owner }) =>
          presence.type === undefined ? avatars.stamped(presence, owner) : presence,
        ),
      ],
      on: { 'user:removed': ({ owner }) => avatars.forget(owner) },
      moving: { forget: which => avatars.drop(which) },
    }
  },
})
