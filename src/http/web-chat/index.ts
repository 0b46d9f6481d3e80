/** The chat client for the browser: Converse out of our own dependencies, started by a page of our own. */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { escapeValue } from '../../xml/escape.ts'
import { clientOf } from '../client.ts'

/** What the page has to know. */
export interface WebChatOptions {
  /** The served domains; the first is meant where a request names no other. */
  readonly domains: readonly string[]
  readonly trusts: (address: string) => boolean
}

/** How long a browser may use files of Converse without asking; they change with versions of ours. */
const MAX_AGE = '1h'

/** Adds the routes: `/` and what it needs, below `/chat/`. */
export async function webChat(app: FastifyInstance, { domains, trusts }: WebChatOptions): Promise<void> {
  const [page, style, script] = await Promise.all(
    ['page.html', 'chat.css', 'chat.js'].map(name => readFile(new URL(name, import.meta.url), 'utf8')),
  )
  app.get('/', (request, reply) => {
    // The server has turned away whoever has none.
    const { origin } = clientOf(request.raw, trusts)!
    const { hostname } = new URL(origin)
    const domain = domains.find(name => name === hostname) ?? domains[0]!
    const websocket = `${origin.replace(/^http/, 'ws')}/ws`
    return reply
      .header('content-security-policy', policy(origin))
      .type('text/html; charset=utf-8')
      .send(filled(page!, { domain, websocket }))
  })
  app.get('/chat/chat.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(style))
  app.get('/chat/chat.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(script))
  await app.register(fastifyStatic, {
    root: dirname(fileURLToPath(import.meta.resolve('converse.js/dist/converse.min.js'))),
    prefix: '/chat/converse/',
    index: false,
    decorateReply: false,
    maxAge: MAX_AGE,
  })
}

/** Everything from here, nothing from elsewhere, and no code but that of files. */
function policy(origin: string): string {
  return [
    "default-src 'none'",
    "base-uri 'none'",
    `connect-src 'self' ${origin.replace(/^http/, 'ws')}`,
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    // Avatars come as data, pictures to be sent as blobs.
    "img-src 'self' data: blob:",
    "manifest-src 'self'",
    "media-src 'self' blob:",
    // Converse loads the cryptography of OMEMO as WebAssembly. Nothing made of strings is run.
    "script-src 'self' 'wasm-unsafe-eval'",
    // Converse sets styles on elements.
    "style-src 'self' 'unsafe-inline'",
    "worker-src 'self'",
  ].join('; ')
}

function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_match, name: string) => escapeValue(values[name] ?? ''))
}
