/**
 * What reading costs: nanoseconds per chat stanza of about 290 bytes, for many stanzas in each chunk, for one stanza in each chunk,
 * and for the whole way to the bytes of the recipient. `node bench/reader.ts [seconds]`
 */
import { JID } from '../src/xml/jid.ts'
import { Reader, type TopElement } from '../src/xml/reader.ts'
import { Stanza } from '../src/xml/stanza.ts'

const LIMITS = { stanzaBytes: 262_144, depth: 64, attributes: 64, children: 5_000, nameBytes: 256 }
const HEADER = Buffer.from(
  "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
)
const CHAT = Buffer.from(
  '<message to="bob@example.org/laptop-4711" type="chat" id="0a1b2c3d-4e5f-6789-abcd-ef0123456789" xml:lang="en">' +
    '<body>Hello there, this is a chat message of the usual length, is it not?</body>' +
    '<active xmlns="http://jabber.org/protocol/chatstates"/><request xmlns="urn:xmpp:receipts"/></message>',
)
const BATCH = Buffer.concat(Array.from({ length: Math.floor(65_536 / CHAT.length) }, () => CHAT))
const ALICE = JID.parse('alice@example.org/phone')
const BOB = JID.parse('bob@example.org/laptop-4711')

function opened(): Reader {
  const reader = new Reader(LIMITS)
  reader.push(HEADER)
  reader.next()
  return reader
}

/** Feeds one chunk over and over, and gives the time per stanza in it. */
function measure(name: string, chunk: Buffer, seconds: number, use: (top: TopElement) => number): void {
  const reader = opened()
  let used = 0
  let stanzas = 0
  let best = Number.POSITIVE_INFINITY
  const stop = performance.now() + seconds * 1_000
  while (performance.now() < stop) {
    const before = performance.now()
    stanzas = 0
    while (stanzas < 50_000) {
      reader.push(chunk)
      for (let item = reader.next(); item !== undefined; item = reader.next()) {
        stanzas++
        if (item.kind === 'element') used += use(item)
      }
    }
    best = Math.min(best, ((performance.now() - before) * 1e6) / stanzas)
  }
  if (used === 0) throw new Error('nothing was read')
  process.stdout.write(
    `${name.padEnd(34)} ${best.toFixed(0).padStart(6)} ns a stanza of ${CHAT.length} bytes\n`,
  )
}

const seconds = Number(process.argv[2] ?? 2)
const one = (top: TopElement) => top.children.length
measure('read, batched', BATCH, seconds, one)
measure('read, single', CHAT, seconds, one)
measure('read, to Stanza, batched', BATCH, seconds, top => Stanza.fromElement(top, ALICE, BOB).size)
measure(
  'read, to Stanza, encode, batched',
  BATCH,
  seconds,
  top => Stanza.fromElement(top, ALICE, BOB).encode().length,
)
