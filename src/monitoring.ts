/** Part of the composition root: what the server tells its operator about itself. */
import type { C2s } from './c2s/listener.ts'
import type { Config } from './config/config.ts'
import type { Background } from './core/background.ts'
import type { Clock } from './core/clock.ts'
import type { Metrics } from './core/metrics.ts'
import type { Router } from './core/router.ts'
import { HealthCheck } from './operations/health.ts'
import { Monitor, type Monitored } from './operations/monitor.ts'
import type { Storage } from './storage/types.ts'

/** What is watched. */
interface Watched {
  readonly router: Router
  readonly c2s: C2s
  readonly storage: Storage
  readonly background: Background
}

/** Declares what is read from the parts of a server when somebody asks. */
export function watch(metrics: Metrics, { router, c2s, storage, background }: Watched): void {
  metrics.gauge('tidings_sessions', 'Clients that are signed in, by their home', () => router.homes.sessions)
  const connections = 'Connections of clients'
  const strangers = () => c2s.counts.unauthenticated
  metrics.gauge('tidings_connections', connections, strangers, { state: 'unauthenticated' })
  const members = () => c2s.counts.connections - c2s.counts.unauthenticated
  metrics.gauge('tidings_connections', connections, members, { state: 'authenticated' })
  metrics.gauge(
    'tidings_sessions_hibernating',
    'Clients whose connection broke and who may resume their session',
    () => c2s.hibernating,
  )
  metrics.gauge('tidings_lane_tasks', 'Tasks that run or wait in lanes', () => router.homes.waiting)
  metrics.gauge('tidings_commits_waiting', 'Commits that are not stored yet', () => storage.waiting)
  metrics.gauge('tidings_outbox_bytes', 'Bytes that wait for clients to read them', () => c2s.outboxBytes)
  metrics.gauge('tidings_background_tasks', 'Work that nobody waits for', () => background.size)
  const { cluster } = router
  if (cluster.frames !== undefined)
    metrics.counted(
      'tidings_frames_sent_total',
      'Frames and answers for other nodes',
      () => cluster.frames ?? 0,
    )
}

/** What the monitor is made of. */
interface MonitorParts {
  readonly metrics: Metrics
  readonly storage: Storage
  readonly clock: Clock
  readonly warn: (code: string, text: string) => void
  /** See `Monitored`. */
  readonly workers?: Monitored['workers']
  /** Whether clients are being sent away. Default: they never are. */
  readonly draining?: () => boolean
}

/** An open monitor. */
interface OpenMonitor {
  /** Undefined: it is switched off or could not be opened. */
  readonly port: number | undefined
  close(): Promise<void>
}

/** Opens the listener for the operator; a place that is taken is a warning, for clients can be served all the same. */
export async function openMonitor(
  { listeners, hosts }: Config,
  { metrics, storage, clock, warn, workers, draining = () => false }: MonitorParts,
): Promise<OpenMonitor> {
  const { metrics: place } = listeners
  if (place === false) return { port: undefined, close: async () => {} }
  const health = new HealthCheck(storage, hosts[0]!.name, clock, draining)
  const monitor = new Monitor({ metrics, health, ...(workers && { workers }) })
  let opened: number | undefined
  for (const address of place.address) {
    const port = opened ?? place.port
    try {
      opened = await monitor.listen(address, port)
    } catch (error) {
      // COMPAT machines without IPv6: 127.0.0.1 is enough then.
      if (address === '::1' && opened !== undefined) continue
      const { code } = error as NodeJS.ErrnoException
      warn(
        'TIDINGS_MONITOR_FAILED',
        `no /health and /metrics at ${address} port ${port} (${code}): set listeners.metrics, or switch it off`,
      )
    }
  }
  return { port: opened, close: () => monitor.close() }
}
