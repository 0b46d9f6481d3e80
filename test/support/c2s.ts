import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Accounts } from '../../src/auth/accounts.ts'
import { C2s } from '../../src/c2s/listener.ts'
import { type C2sLimits, type C2sRouter, DEFAULT_LIMITS, type ListenOptions } from '../../src/c2s/options.ts'
import { singleNode } from '../../src/cluster/single-node.ts'
import { Background } from '../../src/core/background.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { Extension } from '../../src/core/extension.ts'
import { Host } from '../../src/core/host.ts'
import { silentLog } from '../../src/core/log.ts'
import { Router } from '../../src/core/router.ts'
import type { BindPolicy } from '../../src/core/sessions.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { Certificates } from '../../src/tls/certificates.ts'
import { selfMade } from '../../src/tls/self-made.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { StreamError } from '../../src/xml/stream-error.ts'
import { RawClient } from './raw-client.ts'

/** What differs from a server for `localhost` and `other.example` that requires TLS. */
export interface TestC2sOptions {
  readonly listen?: Partial<ListenOptions>
  readonly limits?: Partial<C2sLimits>
  readonly policy?: Partial<BindPolicy>
  readonly clock?: Clock
  readonly extensions?: readonly Extension[]
  /** Puts something between the client connections and the router. */
  readonly between?: (router: C2sRouter) => C2sRouter
}

/** Password of the accounts alice and bob of localhost. */
export const PASSWORD = 'wonderland'

/** A server's client side on a free port of loopback, in this process; it ends with the test. */
export async function c2s(t: Test, options: TestC2sOptions = {}) {
  const clock = options.clock ?? systemClock
  const storage = memoryStorage({ clock })
  // Few iterations: these tests are not about how hard passwords are to guess.
  const accounts = new Accounts(storage, { iterations: 4096 })
  for (const name of ['alice', 'bob']) await accounts.create(JID.parse(`${name}@localhost`), PASSWORD)
  const background = new Background(silentLog)
  const policy: BindPolicy = {
    conflict: 'replace',
    sessionsPerAccount: 10,
    resumeSeconds: 300,
    ...options.policy,
  }
  const router = new Router({ cluster: singleNode(), background, policy, log: silentLog })
  const domains = ['localhost', 'other.example']
  for (const domain of domains)
    new Host({
      domain,
      storage,
      accounts,
      router,
      clock,
      log: silentLog,
      background,
      extensions: options.extensions ?? [],
    })
  const directory = await mkdtemp(join(tmpdir(), 'tidings-c2s-'))
  const files = await selfMade({
    directory: join(directory, 'other'),
    hosts: ['other.example'],
    now: Date.now(),
  })
  const hosts = [{ name: 'localhost' }, { name: 'other.example', files }]
  const certificates = await Certificates.open({ hosts, directory, watch: false })
  const server = new C2s({
    router: options.between?.(router) ?? router,
    accounts,
    certificates,
    defaultHost: 'localhost',
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    background,
    clock,
    log: silentLog,
  })
  const { port } = await server.listen({ address: '127.0.0.1', port: 0, tls: 'required', ...options.listen })
  t.teardown(async () => {
    await server.shutdown(new StreamError('system-shutdown'))
    certificates.close()
    await storage.close()
    await rm(directory, { recursive: true })
  })
  return { server, port, router, accounts, background }
}

/** A client's stream header. */
export function header(attributes = "to='localhost' version='1.0'"): string {
  return `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${NS.stream}' ${attributes}>`
}

/** The request to sign in by PLAIN. */
export function plainAuth(user: string, password = PASSWORD): string {
  return `<auth xmlns='${NS.sasl}' mechanism='PLAIN'>${Buffer.from(`\0${user}\0${password}`).toString('base64')}</auth>`
}

/** The request to bind a resource. */
export function bindRequest(resource: string): string {
  return `<iq type='set' id='bind'><bind xmlns='${NS.bind}'><resource>${resource}</resource></bind></iq>`
}

/** Signs in by PLAIN on a server that allows it without TLS, or on an encrypted connection, and binds a resource. */
export async function signIn(
  client: RawClient,
  user: string,
  resource: string,
  attributes?: string,
): Promise<void> {
  client.send(header(attributes))
  await client.expect('</stream:features>')
  client.send(plainAuth(user))
  await client.expect('<success')
  client.send(header(attributes))
  await client.expect('</stream:features>')
  client.send(bindRequest(resource))
  await client.expect(`<jid>${user}@localhost/${resource}</jid></bind></iq>`)
}

/** A new connection over TCP that is signed in. */
export async function session(
  port: number,
  user: string,
  resource: string,
  attributes?: string,
): Promise<RawClient> {
  const client = await RawClient.connect(port)
  await signIn(client, user, resource, attributes)
  return client
}

/** What client connections need of a router, to be changed in part: `{ ...passing(router), bind }`. */
export function passing(router: C2sRouter): C2sRouter {
  return {
    cluster: router.cluster,
    atHome: router.atHome,
    host: domain => router.host(domain),
    bind: (account, resource, port) => router.bind(account, resource, port),
    bindInline: (account, wish, port) => router.bindInline(account, wish, port),
    fetch: (account, id, port) => router.fetch(account, id, port),
    release: undefined,
  }
}
