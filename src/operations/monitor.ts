/** The operator's own listener: `/health` and `/metrics` over HTTP. It says how many, never who or what. */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from '../core/metrics.ts'
import type { Exposition } from './exporter.ts'
import type { HealthCheck } from './health.ts'

/** An import of it would also load what it exports for clients in a browser's manner: 8 MiB. */
const { createServer } = process.getBuiltinModule('node:http')

/** Monitoring systems, generously. */
const MOST_CONNECTIONS = 50
/** Time for a request to arrive, ms. */
const REQUEST_MS = 10_000

/** What is shown. */
export interface Monitored {
  readonly metrics: Metrics
  readonly health: HealthCheck
  /** Metrics of other processes of the server, as they are scraped, by the label `worker` of each. */
  readonly workers?: () => Promise<ReadonlyMap<string, string>>
}

/** The listener at one or more addresses, on one port. */
export class Monitor {
  readonly #monitored: Monitored
  readonly #servers: Server[] = []
  /** Loaded when somebody asks for it first. */
  #exposition: Promise<Exposition> | undefined

  constructor(monitored: Monitored) {
    this.#monitored = monitored
  }

  /** Opens a listener; 0 takes a free port. Resolves with the port, rejects with the error of the system. */
  async listen(address: string, port: number): Promise<number> {
    const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }
    const server = createServer(timeouts, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
    server.maxConnections = MOST_CONNECTIONS
    await once(server.listen({ host: address, port }), 'listening')
    this.#servers.push(server)
    return (server.address() as AddressInfo).port
  }

  /** Closes the listeners and what is connected. */
  async close(): Promise<void> {
    const closed = this.#servers.map(server => once(server, 'close'))
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
    }
    await Promise.all(closed)
  }

  async #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('cache-control', 'no-store')
    const path = url.split('?', 1)[0]
    if (path !== '/health' && path !== '/metrics')
      return end(response, 404, 'There are /health and /metrics.\n')
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      // What comes with the request is not read, so nothing else can be asked on this connection.
      response.setHeader('connection', 'close')
      return end(response, 405, 'Only GET and HEAD.\n')
    }
    if (path === '/health') return this.#health(response)
    return this.#metrics(response)
  }

  async #health(response: ServerResponse): Promise<void> {
    const health = await this.#monitored.health.look()
    end(response, health.healthy ? 200 : 503, `${JSON.stringify(health)}\n`, 'application/json')
  }

  async #metrics(response: ServerResponse): Promise<void> {
    this.#exposition ??= import('./exporter.ts').then(({ exposition }) => exposition(this.#monitored.metrics))
    const { contentType, text } = await this.#exposition
    const { workers } = this.#monitored
    end(response, 200, await (workers === undefined ? text() : merged(await text(), workers)), contentType)
  }
}

/** What this process says, and what its workers say, each with its label. */
async function merged(own: string, workers: NonNullable<Monitored['workers']>): Promise<string> {
  const { mergeMetrics } = await import('./merge-metrics.ts')
  return mergeMetrics(new Map([['storage', own], ...(await workers())]))
}

function end(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
