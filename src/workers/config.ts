/** What a configuration means for workers. */
import { availableParallelism } from 'node:os'
import type { Config } from '../config/config.ts'
import type { Ports } from '../listen.ts'

/** How many workers there are to be; 1: this process does everything. */
export function workersOf({ workers }: Config): number {
  return workers === 'auto' ? availableParallelism() : workers
}

/** The configuration of one of several workers: monitored by their supervisor, at the ports that the first has taken. */
export function workerConfig(config: Config, ports: Ports | undefined): Config {
  const { listeners } = config
  const { xmpp, 'xmpp-tls': direct, http } = listeners
  const at = <L extends { readonly port: number }>(place: L | false, port: number | undefined): L | false =>
    place === false || port === undefined ? place : { ...place, port }
  return {
    ...config,
    listeners: {
      ...listeners,
      xmpp: at(xmpp, ports?.xmpp),
      'xmpp-tls': at(direct, ports?.['xmpp-tls']),
      http: at(http, ports?.http),
      metrics: false,
    },
  }
}
