/** What tests of a long history share: a server whose clock they move, and somebody who writes a lot. */
import type { Test } from 'tap'
import type { RawClient } from '../support/raw-client.ts'
import { TestServer } from '../support/test-server.ts'

/** As many as somebody finds who was away for a week. */
export const MESSAGES = 10_000
export const WEEK_MS = 7 * 24 * 60 * 60 * 1_000

const AT_ONCE = 100

/** A server with accounts of alice, bob and carol, archives and whatever needs them. It ends with the test. */
export async function withArchives(t: Test): Promise<TestServer> {
  const server = await TestServer.start({
    storage: 'sqlite',
    accounts: ['alice', 'bob', 'carol'].map(name => [`${name}@localhost`, 'secret']),
    // RFC 7677 §4: clients want so many.
    iterations: 4_096,
    config: {
      extensions: { archive: {}, sequence: {}, status: {} },
      // Its clock stands still: nobody who is slowed would go on.
      limits: { 'stanzas-per-second': false, 'bytes-per-second': false },
    },
  })
  t.teardown(() => server.close())
  return server
}

/** Sends this, and waits until the server has it. */
export async function said(from: RawClient, text: string): Promise<void> {
  from.send(`${text}<iq type='get' id='said' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`)
  await from.expect(/<iq [^>]*id="said"[^>]*>/)
}

/** A chat message whose body says its id. */
export function message(to: string, id: string): string {
  return `<message to='${to}' id='${id}' type='chat'><body>${id}</body></message>`
}

/** Somebody writes all week long. Resolves with the ids. */
export async function week(server: TestServer, from: RawClient, to: string): Promise<string[]> {
  const ids = Array.from({ length: MESSAGES }, (_, i) => `No. ${i}.`)
  for (let i = 0; i < MESSAGES; i += AT_ONCE) {
    const batch = ids.slice(i, i + AT_ONCE)
    await said(from, batch.map(id => message(to, id)).join(''))
    await server.pass((WEEK_MS * AT_ONCE) / MESSAGES)
  }
  return ids
}
