/**
 * The composition root: picks back ends (back-ends.ts), builds hosts, starts and stops listeners, in order and by hand.
 * The only place that names listeners and the list of extensions.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { administer } from './administer.ts'
import { Accounts } from './auth/accounts.ts'
import { checkFolder, openCertificates, openCluster, openStorage } from './back-ends.ts'
import { C2s } from './c2s/listener.ts'
import type { Administration } from './cli/control/administration.ts'
import type { KeyAdministration } from './cli/control/keys.ts'
import { ControlServer } from './cli/control/server.ts'
import { controlSocket } from './cli/control/socket-path.ts'
import type { Components, ComponentsOptions } from './components/listener.ts'
import type { Config } from './config/config.ts'
import { parseConfig, readConfig } from './config/load.ts'
import { webOrigin } from './config/web-origin.ts'
import { Background } from './core/background.ts'
import { systemClock } from './core/clock.ts'
import type { Drain, Drained } from './core/drain.ts'
import { TidingsError } from './core/errors.ts'
import { Host } from './core/host.ts'
import { silentLog } from './core/log.ts'
import { Metrics } from './core/metrics.ts'
import type { Portable } from './core/portable.ts'
import { Router } from './core/router.ts'
import { software } from './core/software.ts'
import type { NodeReport, Survey } from './core/survey.ts'
import { extensions } from './extensions/index.ts'
import { Devices } from './extensions/prekeys/index.ts'
import { NodeStore, PublishedNodes } from './extensions/pubsub/index.ts'
import { departure, type NewContact, RosterRows } from './extensions/roster/index.ts'
import { handOver, sayFarewell } from './hand-over.ts'
import { httpServer } from './http-server.ts'
import { firstInvitation, invitationsOf } from './invitations.ts'
import { bindPolicy, c2sLimits, listen, listenForComponents, type Ports } from './listen.ts'
import { openMonitor, watch } from './monitoring.ts'
import { Reloader } from './reload.ts'
import type { Dependencies, Server } from './server.ts'
import { StorageError } from './storage/types.ts'
import type { JID } from './xml/jid.ts'
import { StreamError } from './xml/stream-error.ts'

/** What extensions move of users, whether they are on or off. */
const portables: readonly Portable[] = extensions.flatMap(({ portable = [] }) => portable)

/** The configuration that comes with the package. */
const SHIPPED = fileURLToPath(new URL('../config/tidings.yaml', import.meta.url))

/** Reads a configuration file; without a name the shipped one, and where that is missing the defaults, which say the same. */
export async function loadConfig(file?: string): Promise<Config> {
  if (file === undefined && !existsSync(SHIPPED)) return parseConfig('', 'the defaults', { extensions })
  return readConfig(file ?? SHIPPED, { extensions })
}

/** Starts a server. Rejects with an error that has a stable `code`; then nothing of it is left running. */
export async function startServer(config: Config, given: Dependencies = {}): Promise<Server> {
  const {
    log = silentLog,
    clock = systemClock,
    read = async () => config,
    setLogLevel = () => {},
    expelled = () => {},
  } = given
  const warnings: string[] = []
  const warn = (code: string, text: string): void => {
    warnings.push(text)
    log.warn({ code }, text)
  }
  // Undone from the last to the first: when the server stops, or here when it cannot start.
  await using parts = new AsyncDisposableStack()
  for (const { path, later } of config.later)
    warn('TIDINGS_CONFIG_LATER', `${path} does nothing yet: ${later.feature} comes with a later version`)

  for (const follower of config.followers)
    log.info(follower, 'an extension is off, since the one that it follows is')

  const storage = given.storage ?? parts.adopt(await openStorage(config, clock, log), one => one.close())
  if (given.storage === undefined) await checkFolder(config, warn)
  const certificates =
    given.certificates ?? parts.adopt(await openCertificates(config, clock, warn, log), one => one.close())
  const cluster =
    given.cluster ??
    parts.adopt(await openCluster(config, { storage, clock, log, expelled }), one => one.close())
  const background = new Background(log)
  const accounts = new Accounts(storage, { clock })
  const metrics = new Metrics(clock)
  // A server alone does without: memory.
  const link = cluster.alone ? undefined : (await import('./core/link/home-link.ts')).homeLink
  const policy = bindPolicy(config)
  const router = new Router({ cluster, background, policy, log, metrics, ...(link && { link }) })
  const settled = async (): Promise<void> => {
    await router.settled()
    await storage.settled()
  }
  let httpPort: number | undefined
  // What hosts begin when they stop is stored, too.
  parts.defer(settled)
  const hosts = config.hosts.map(({ name, extensions: options }) =>
    parts.adopt(
      new Host({
        domain: name,
        storage,
        accounts,
        router,
        clock,
        log,
        background,
        metrics,
        web: () => webOrigin(config, name, httpPort),
        extensions,
        options,
      }),
      host => host.stop(),
    ),
  )
  parts.defer(settled)
  // Others write to homes of this node as long as there are any: they would never settle.
  if (given.cluster === undefined && !cluster.alone) parts.defer(() => handOver(cluster, clock))
  const c2s = new C2s({
    router,
    accounts,
    certificates,
    defaultHost: hosts[0]!.domain,
    limits: c2sLimits(config),
    background,
    clock,
    log,
    metrics,
    pressure: () => storage.pressure(),
  })
  const components = await componentsOf(config, { router, background, clock, log })
  parts.defer(() => components?.shutdown(new StreamError('system-shutdown')))
  const ending = new AbortController()
  parts.defer(() => ending.abort())
  const relay = given.worker && { ...given.worker.relay, signal: ending.signal }
  const http = await httpServer({ c2s, config, hosts, certificates, clock, log, relay })
  // Together: requests are held open for streams, which end as streams do.
  parts.defer(async () => {
    await Promise.all([http?.stop(), c2s.shutdown(new StreamError('system-shutdown'))])
  })
  parts.defer(() => sayFarewell(cluster, hosts, clock))
  const publicPorts = await listen(c2s, http, config, { log, shared: given.worker !== undefined })
  httpPort = publicPorts.http
  const componentPort = await listenForComponents(components, config)
  watch(metrics, { router, c2s, storage, background })
  const monitor = await openMonitor(config, { metrics, storage, clock, warn, draining: () => c2s.stopped })
  parts.defer(() => monitor.close())
  const ports: Ports = { ...publicPorts, metrics: monitor.port }
  const invitations = invitationsOf(config, storage, clock, ports.http)
  log.info({ ports, componentPort, hosts: hosts.map(host => host.domain) }, 'listening')
  const changeable = { certificates, c2s, router, hosts, extensions, log, read, setLogLevel }
  const reloader = new Reloader(config, changeable)
  const reload = () => reloader.reload()
  const started = clock.monotonic()
  const report = (): NodeReport => ({
    version: software.version,
    uptime: (clock.monotonic() - started) / 1000,
    connections: c2s.counts.connections,
    sessions: router.homes.sessions,
  })
  router.report = report
  router.halt = given.halt
  const survey = async (): Promise<Survey> => {
    const { survey } = await import('./core/survey.ts')
    return survey(cluster, report(), clock)
  }
  const drain = async (wish: Drain): Promise<Drained> => {
    log.info({ wish }, 'draining')
    const [drained] = await Promise.all([c2s.drain(wish), cluster.drain()])
    log.info({ ...drained }, 'drained')
    return drained
  }
  if (given.control !== false) {
    const forget = (account: JID) => router.atHome.forget(account)
    const addContacts = (account: JID, contacts: readonly NewContact[]) =>
      router.atHome.run(
        'roster:add',
        account,
        contacts.map(({ contact, subscription }) => [contact.toString(), subscription] as const),
      )
    const keys: KeyAdministration = {
      list: account => router.atHome.run('prekeys:devices', account, undefined),
      remove: (account, device) => router.atHome.run('prekeys:remove', account, device),
    }
    const domains = hosts.map(host => host.domain)
    const administration = administer(
      {
        storage,
        config,
        accounts,
        portables,
        running: true,
        ports,
        survey,
        ...(given.worker ?? { reload, drain }),
      },
      { accounts, hosts: domains, forget, addContacts, invitations, keys },
    )
    parts.adopt(await ControlServer.open(controlSocket(config.data), administration, log), one => one.close())
  }
  const running = parts.move()
  return {
    ports,
    componentPort,
    hosts,
    router,
    get connections() {
      return c2s.counts.connections
    },
    accounts,
    certificates: certificates.describe(),
    metrics,
    warnings,
    firstInvitation: () => firstInvitation(accounts, hosts, invitations),
    settled,
    reload,
    drain,
    stop: () => running.disposeAsync(),
  }
}

/** The external components; few servers have any. */
async function componentsOf(
  config: Config,
  shared: Pick<ComponentsOptions, 'router' | 'background' | 'clock' | 'log'>,
): Promise<Components | undefined> {
  const { components } = config
  if (components.length === 0) return undefined
  const listener = await import('./components/listener.ts')
  return new listener.Components({ ...shared, limits: c2sLimits(config), components })
}

/** Accounts without a running server. */
export interface Offline {
  readonly administration: Administration
  close(): Promise<void>
}

/** Opens the accounts of a server that does not run. Rejects with a TidingsError when the storage is held all the same, or dies with its process. */
export async function openOffline(config: Config): Promise<Offline> {
  if (config.storage.kind === 'memory')
    throw new TidingsError(
      'TIDINGS_NOT_RUNNING',
      `no server answers at ${controlSocket(config.data)}, and with storage.kind "memory" there are accounts only while it runs: start it first`,
    )
  const storage = await openStorage(config, systemClock, silentLog, true).catch((cause: unknown) => {
    if (!(cause instanceof StorageError) || cause.code !== 'in-use') throw cause
    throw new TidingsError(
      'TIDINGS_LOCKED',
      `${cause.message}, but no server answers at ${controlSocket(config.data)}: wait if it is starting or stopping, else end that process`,
      { cause },
    )
  })
  const hosts = config.hosts.map(({ name }) => name)
  // The whole pool of libuv: nobody else waits for it, and with a job in line no core waits for the next.
  const accounts = new Accounts(storage, { concurrency: 4 })
  const invitations = invitationsOf(config, storage, systemClock)
  const rows = new RosterRows(storage, systemClock)
  const forget = async (account: JID): Promise<void> => {
    await storage.commit(await departure(rows, account, contact => hosts.includes(contact.domain)))
    await storage.forget(account)
  }
  const offline = { storage, clock: systemClock, log: silentLog }
  const keys = new Devices(offline, new PublishedNodes(new NodeStore(offline)))
  const addContacts = async (account: JID, contacts: readonly NewContact[]) =>
    storage.commit(await rows.add(await rows.load(account), contacts))
  return {
    administration: administer(
      { storage, config, accounts, portables, running: false, ports: {} },
      { accounts, hosts, forget, addContacts, invitations, keys },
    ),
    close: () => storage.close(),
  }
}
