import type { Test } from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { BoshClient, type BoshClientOptions } from './bosh-client.ts'
import { TestServer, type TestServerOptions } from './test-server.ts'

const ACCOUNTS = [
  ['alice@localhost', 'secret'],
  ['bob@localhost', 'secret'],
] as const

/** A request that is answered at once. */
export const PING = `<iq xmlns='${NS.client}' type='get' id='p'><ping xmlns='${NS.ping}'/></iq>`

/** A message to `bob`, as `signedIn` makes him. */
export function message(text: string): string {
  return `<message xmlns='${NS.client}' to='bob@localhost/bosh'><body>${text}</body></message>`
}

/** A server with accounts, and clients that are gone when the test ends. */
export async function boshServer(t: Test, options: TestServerOptions & { tls?: boolean } = {}) {
  const server = await TestServer.start({ accounts: ACCOUNTS, ...options })
  const clients: BoshClient[] = []
  t.teardown(async () => {
    await Promise.all(clients.map(one => one.leave()))
    await server.close()
  })
  const url = `${options.tls ? 'https' : 'http'}://localhost:${server.ports[0]!.http}/bosh`
  const client = (changes: Partial<BoshClientOptions> = {}): BoshClient => {
    const one = new BoshClient({ url, ...changes })
    clients.push(one)
    return one
  }
  const signedIn = async (user: string, changes: Partial<BoshClientOptions> = {}): Promise<BoshClient> => {
    const one = client(changes)
    const { payload } = await one.signIn(user)
    if (!payload.includes(`<jid>${user}@localhost/bosh</jid>`)) throw new Error(`not bound: ${payload}`)
    return one
  }
  return { server, url, client, signedIn }
}
