import type { IncomingHttpHeaders } from 'node:http'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/** What an HTTP server answered. */
export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** How to ask, where that differs from a GET. */
export interface HttpQuestion {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** Asks a server on loopback; unlike `fetch` it sends any header, and believes any certificate. */
export function ask(
  url: string,
  { method = 'GET', headers = {}, body }: HttpQuestion = {},
): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const options = { method, headers, rejectUnauthorized: false, agent: false as const }
  const sent = request(url, options, async response => {
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    resolve({
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: String(Buffer.concat(chunks)),
    })
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}
