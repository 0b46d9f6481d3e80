import { NS } from '../../src/xml/ns.ts'
import { header, plainAuth, session } from './c2s.ts'
import { RawClient } from './raw-client.ts'

/** A client that has stream management on and may resume its session. */
export interface Resumable {
  readonly client: RawClient
  readonly id: string
}

/** Signs in, binds a resource and enables stream management with resumption (XEP-0198 §3). */
export async function managed(port: number, user: string, resource: string): Promise<Resumable> {
  const client = await session(port, user, resource)
  client.send(`<enable xmlns='${NS.streamManagement}' resume='true'/>`)
  const [, id] = await client.expect(/<enabled [^>]*id="([^"]+)"[^>]*>/)
  return { client, id: id! }
}

/** Signs in on a new connection and asks to resume a session (XEP-0198 §5); the answer is the caller's to expect. */
export async function resuming(port: number, user: string, id: string, h: number): Promise<RawClient> {
  const client = await RawClient.connect(port)
  client.send(header())
  await client.expect('</stream:features>')
  client.send(plainAuth(user))
  await client.expect('<success')
  client.send(header())
  await client.expect('</stream:features>')
  client.send(`<resume xmlns='${NS.streamManagement}' previd='${id}' h='${h}'/>`)
  return client
}

/** Resolves when the server has handled all that this client has sent, and what came of it has been received: sends a ping. */
export async function answered(client: RawClient, id: string): Promise<string> {
  client.send(`<iq type='get' id='${id}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`)
  const [text] = await client.expect(new RegExp(`^[\\s\\S]*?<iq [^>]*id="${id}"[^>]*(/>|>[\\s\\S]*?</iq>)`))
  return text
}

/** Ids of the messages in a text, in order. */
export function ids(text: string): string[] {
  return [...text.matchAll(/<message [^>]*id="([^"]+)"/g)].map(match => match[1]!)
}
