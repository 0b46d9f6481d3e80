/** What answers HTTP requests: routes of extensions and the web chat. Imported when the first request comes. */
import type { RequestListener } from 'node:http'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { HttpRoute, HttpServices } from '../core/http-route.ts'
import type { Log } from '../core/log.ts'
import { clientOf } from './client.ts'
import { webChat } from './web-chat/index.ts'

/** What the app serves. */
export interface AppOptions {
  /** The served domains with the routes of their extensions; the first is meant where a request names no other. */
  readonly hosts: readonly { readonly domain: string; readonly routes: readonly HttpRoute[] }[]
  readonly services: HttpServices
  readonly trusts: (address: string) => boolean
  readonly log: Log
}

/** Bytes of a request's body. */
const BODY_BYTES = 64 * 1024
/** Characters of a parameter in a path. */
const PARAMETER_LENGTH = 256

/** Makes the app. */
export async function createApp(options: AppOptions): Promise<RequestListener> {
  const app = fastify({ bodyLimit: BODY_BYTES, routerOptions: { maxParamLength: PARAMETER_LENGTH } })
  // Routes get bytes: what they are is for them to know.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  answerErrors(app, options.log)
  addRoutes(app, options)
  if (options.services.webChat)
    await webChat(app, { domains: options.hosts.map(({ domain }) => domain), trusts: options.trusts })
  await app.ready()
  return app.routing
}

/** An error says its status and nothing about us. */
function answerErrors(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((_request, reply) => text(reply, 404, 'There is nothing here.'))
  app.setErrorHandler((err: { statusCode?: number }, _request, reply) => {
    const { statusCode = 500 } = err
    if (statusCode < 500) return text(reply, statusCode, 'The request is not understood.')
    log.error({ code: 'TIDINGS_HTTP_FAILED', err }, 'a request could not be answered')
    return text(reply, statusCode, 'Something went wrong.')
  })
}

function text(reply: FastifyReply, status: number, words: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${words}\n`)
}

/** Each host has extensions of its own, so a path leads to as many routes as there are hosts. */
function addRoutes(app: FastifyInstance, { hosts, services, trusts }: AppOptions): void {
  const paths = new Map<string, Map<string, HttpRoute>>()
  for (const { domain, routes } of hosts)
    for (const route of routes) {
      const key = `${route.method} ${route.path}`
      const byDomain = paths.get(key) ?? new Map<string, HttpRoute>()
      paths.set(key, byDomain.set(domain, route))
    }
  for (const byDomain of paths.values()) {
    const [first] = byDomain.values()
    if (first === undefined) continue
    app.route({
      method: first.method,
      url: first.path,
      handler: (request, reply) => answer(byDomain, first, request, reply, { services, trusts }),
    })
  }
}

async function answer(
  byDomain: ReadonlyMap<string, HttpRoute>,
  first: HttpRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  { services, trusts }: Pick<AppOptions, 'services' | 'trusts'>,
): Promise<FastifyReply> {
  // The server has turned away whoever has none.
  const { address, origin } = clientOf(request.raw, trusts)!
  const url = new URL(request.url, origin)
  const route = byDomain.get(url.hostname) ?? first
  const {
    status = 200,
    headers,
    body,
  } = await route.handler({
    method: request.method,
    path: url.pathname,
    parameters: request.params as Readonly<Record<string, string>>,
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    address,
    origin,
    services,
  })
  return reply
    .code(status)
    .type('text/plain; charset=utf-8')
    .headers(headers ?? {})
    .send(body)
}
