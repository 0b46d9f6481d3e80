import { LocalNetwork } from '../../src/cluster/local.ts'
import type { Cluster } from '../../src/cluster/types.ts'
import { Background } from '../../src/core/background.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { Extension } from '../../src/core/extension.ts'
import { type AccountDetails, type AccountDirectory, Host, type HostParts } from '../../src/core/host.ts'
import { homeLink } from '../../src/core/link/home-link.ts'
import { silentLog } from '../../src/core/log.ts'
import type { Maybe } from '../../src/core/maybe.ts'
import { Router } from '../../src/core/router.ts'
import type { SessionHandle, SessionPort } from '../../src/core/session.ts'
import type { BindPolicy } from '../../src/core/sessions.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import type { Storage } from '../../src/storage/types.ts'
import type { Element } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'

/** The core without sockets: nodes that share one memory storage, and sessions that keep what they get. */
export interface CoreOptions {
  readonly nodes?: number
  readonly accounts?: readonly string[]
  /** Which of them are administrators. */
  readonly admins?: readonly string[]
  readonly extensions?: readonly Extension[]
  readonly policy?: Partial<BindPolicy>
  readonly clock?: Clock
  /** Instead of one in memory. */
  readonly storage?: Storage
  /** Options by name of extension. */
  readonly options?: HostParts['options']
}

/** A bound session of a test. */
export interface TestSession {
  readonly jid: JID
  readonly handle: SessionHandle
  /** What it received, printed, oldest first. */
  readonly received: string[]
  /** The stream error that closed it. */
  readonly closed: string | undefined
  /** What its connection says (`SessionPort.drained()`); 0 unless the test sets it. */
  drained: Maybe<number | undefined>
  /** Sends a stanza and resolves when it is handled. */
  send(kind: Stanza['kind'], attributes: Record<string, string>, ...children: Element[]): Promise<void>
}

export function core(options: CoreOptions = {}) {
  const { nodes = 1, accounts = ['alice', 'bob', 'carol'], clock = systemClock } = options
  const known = new Set(accounts.map(local => `${local}@localhost`))
  const network = new LocalNetwork()
  const storage = options.storage ?? memoryStorage({ clock })
  const clusters = Array.from({ length: nodes }, (_, i) => network.join(`node${i}`))
  const dead = new Set<string>()
  const start = (cluster: Cluster): Router => {
    const background = new Background(silentLog)
    const policy: BindPolicy = {
      conflict: 'replace',
      sessionsPerAccount: 10,
      resumeSeconds: 300,
      ...options.policy,
    }
    const router = new Router({ cluster, background, policy, log: silentLog, link: homeLink })
    new Host({
      domain: 'localhost',
      storage: cutOff(storage, () => dead.has(cluster.node)),
      accounts: directory(known, options.admins),
      router,
      clock,
      log: silentLog,
      background,
      extensions: options.extensions ?? [],
      ...(options.options && { options: options.options }),
    })
    return router
  }
  const routers = clusters.map(start)
  const settled = async (): Promise<void> => {
    for (let round = 0; round < 2; round++)
      for (const router of routers) if (!dead.has(router.cluster.node)) await router.settled()
  }
  /** One more node. */
  const join = (node: string): void => void routers.push(start(network.join(node)))
  /** A node dies: it stores nothing any more, and nobody hears of it. */
  const kill = (node: number): void => {
    const { cluster } = routers[node] as Router
    dead.add(cluster.node)
    void network.kill(cluster.node)
  }
  /** Binds a session; `node` is where its connection is. */
  const session = async (account: string, resource: string, node = 0): Promise<TestSession> => {
    const received: string[] = []
    let closed: string | undefined
    const port: SessionPort = {
      send: stanza => void received.push(stanza.encode().toString()),
      drained: () => result.drained,
      close: error => {
        closed = error.condition
      },
    }
    const router = routers[node] as Router
    const handle = await router.bind(JID.parse(`${account}@localhost`), resource, port)
    const result: TestSession = {
      jid: handle.jid,
      handle,
      received,
      get closed() {
        return closed
      },
      drained: 0,
      async send(kind, { to, ...attributes }, ...children) {
        const addressed = to === undefined ? {} : { to: JID.parse(to) }
        await handle.submit(
          Stanza.build(kind, { ...attributes, from: handle.jid, ...addressed }, ...children),
        )
      },
    }
    return result
  }
  return { routers, session, settled, storage, network, join, kill }
}

/** A storage as a node sees it that commits nothing once it is dead. */
function cutOff(storage: Storage, isDead: () => boolean): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name === 'commit')
        return (...writes: Parameters<Storage['commit']>) =>
          isDead() ? new Promise<void>(() => {}) : target.commit(...writes)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** Accounts without passwords. */
function directory(known: Set<string>, admins: readonly string[] = []): AccountDirectory {
  const disabled = new Set<string>()
  const details = (jid: JID): AccountDetails => ({
    jid,
    role: admins.includes(jid.local) ? 'admin' : 'user',
    disabled: disabled.has(jid.toString()),
    created: 0,
  })
  return {
    exists: account => known.has(account.bare.toString()),
    get: account => (known.has(account.bare.toString()) ? details(account.bare) : undefined),
    setRole: async () => {},
    setDisabled: async (account, wanted) =>
      void (wanted ? disabled.add(account.toString()) : disabled.delete(account.toString())),
    list: async (host, after, limit = 100) =>
      [...known]
        .sort()
        .filter(text => text.endsWith(`@${host}`) && (after === undefined || text > after.toString()))
        .slice(0, limit)
        .map(text => details(JID.parse(text))),
    create: async account => void known.add(account.toString()),
    setPassword: async () => {},
    remove: async account => known.delete(account.toString()),
  }
}
