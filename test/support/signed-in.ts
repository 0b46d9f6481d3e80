import type { Test } from 'tap'
import { RawClient } from './raw-client.ts'

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"

/** A client of `user@localhost` that has signed in by PLAIN without TLS and has no resource yet; gone when the test ends. */
export async function authenticated(
  t: Test,
  port: number,
  user: string,
  password: string,
): Promise<RawClient> {
  const client = await RawClient.connect(port)
  t.teardown(() => client.socket.destroy())
  client.send(HEADER)
  await client.expect('</stream:features>')
  const plain = Buffer.from(`\0${user}\0${password}`).toString('base64')
  client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`)
  await client.expect('<success')
  client.send(HEADER)
  await client.expect('</stream:features>')
  return client
}

/** The same, that has bound the resource `r` and sent presence. */
export async function signedIn(t: Test, port: number, user: string, password: string): Promise<RawClient> {
  const client = await authenticated(t, port, user, password)
  const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind>`
  client.send(`<iq type='set' id='bind'>${bind}</iq><presence/>`)
  await client.expect(`${user}@localhost/r</jid>`)
  await client.expect('<presence')
  return client
}
