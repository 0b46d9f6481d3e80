import type { Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { Lines } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')

/** Lines about tombstones. */
export const replaceContract: Lines = {
  'a tombstone takes the place of one side, all else stays': async (t, { storage }) => {
    const archive = storage.archive('mam')
    await talk(storage, 'one')
    const { mine, theirs } = await talk(storage, 'two')
    await talk(storage, 'three')
    const before = await archive.page(alice, { count: true })
    await storage.commit([archive.replace(alice, mine, Buffer.from('a tombstone that is longer'))])
    t.strictSame(await texts(storage, alice), ['one', 'a tombstone that is longer', 'three'])
    t.strictSame(await texts(storage, bob), ['one', 'two', 'three'])
    const after = await archive.page(alice, { count: true })
    t.strictSame(after.items.map(rest), before.items.map(rest))
    t.equal(after.total, 3)
    await storage.settled()
    await storage.commit([archive.replace(bob, theirs, Buffer.from('t'))])
    await storage.commit([archive.replace(alice, mine, Buffer.from(''))])
    t.strictSame(await texts(storage, alice), ['one', '', 'three'], 'and again')
    t.strictSame(await texts(storage, bob), ['one', 't', 'three'])
    const [found] = (await archive.page(bob, { ids: [theirs], peer: alice })).items
    t.equal(Buffer.from(found!.payload).toString(), 't')
    await archive.purge(bob, { ids: [theirs] })
    t.strictSame(await texts(storage, bob), ['one', 'three'])
    t.strictSame(await texts(storage, alice), ['one', '', 'three'])
  },

  'the retraction and its tombstones are one commit': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const { mine, theirs } = await talk(storage, 'one')
    const payload = Buffer.from('retract')
    await storage.commit([
      archive.append(alice, { peer: bob, payload }),
      archive.append(bob, { peer: alice, payload }),
      archive.replace(alice, mine, Buffer.from('gone')),
      archive.replace(bob, theirs, Buffer.from('gone too')),
    ])
    t.strictSame(await texts(storage, alice), ['gone', 'retract'])
    t.strictSame(await texts(storage, bob), ['gone too', 'retract'])
  },

  'what is not there cannot be replaced': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const { mine: id } = await talk(storage, 'one')
    for (const [name, owner, which] of [
      ['mam', JID.parse('carol@example.org'), id],
      ['mam', alice, id + 1n],
      ['mam', alice, 2n ** 63n - 1n],
      ['rooms', alice, id],
    ] as const)
      await storage.commit([storage.archive(name).replace(owner, which, Buffer.from('gone'))])
    t.strictSame(await texts(storage, alice), ['one'])
    await archive.purge(alice)
    await storage.commit([archive.replace(alice, id, Buffer.from('gone'))])
    t.strictSame(await texts(storage, alice), [], 'what was erased does not come back')
    t.strictSame(await texts(storage, bob), ['one'])
  },

  'a tombstone stays after reopening': async (t, opened) => {
    const { mine: id } = await talk(opened.storage, 'one')
    await opened.storage.commit([opened.storage.archive('mam').replace(alice, id, Buffer.from('gone'))])
    const storage = await opened.reopen()
    t.strictSame(await texts(storage, alice), ['gone'])
    await storage.settled()
    t.strictSame(await texts(storage, alice), ['gone'])
    t.strictSame(await texts(storage, bob), ['one'])
    await storage.close()
  },
}

/** Alice writes to Bob; the ids in both archives, which need not be the same. */
async function talk(storage: Storage, text: string): Promise<{ mine: bigint; theirs: bigint }> {
  const archive = storage.archive('mam')
  const payload = Buffer.from(text)
  const sent = archive.append(alice, { peer: bob, payload })
  const received = archive.append(bob, { peer: alice, payload })
  await storage.commit([sent, received])
  return { mine: sent.id, theirs: received.id }
}

async function texts(storage: Storage, owner: JID): Promise<string[]> {
  const { items } = await storage.archive('mam').page(owner)
  return items.map(({ payload }) => Buffer.from(payload).toString())
}

function rest<T extends { payload: unknown }>({ payload, ...others }: T) {
  return { ...others, payload: undefined }
}
