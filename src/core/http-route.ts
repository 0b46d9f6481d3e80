/** What extensions add to the HTTP server. */
import type { Maybe } from './maybe.ts'

/** A request that came over HTTP, as far as an extension may see it. */
export interface HttpRequest {
  readonly method: string
  /** The path without the prefix and the query. */
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** The client's address, behind trusted proxies too. */
  readonly address: string
  /** `https://chat.example` as the client sees this server. */
  readonly origin: string
  /** What else can be linked to. */
  readonly services: HttpServices
}

/** What the HTTP server has besides routes. */
export interface HttpServices {
  /** The chat for the browser, at `/`. */
  readonly webChat: boolean
  /** XEP-0124, at `/bosh`. */
  readonly bosh: boolean
}

/** The answer to it. */
export interface HttpAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** A route of the HTTP server. `path` may hold parameters: `/invite/:token`. */
export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly handler: (request: HttpRequest) => Maybe<HttpAnswer>
}
