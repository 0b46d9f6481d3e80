/** XEP-0156: Discovering Alternative XMPP Connection Methods: tells web clients where WebSocket and BOSH are. */
import { defineExtension } from '../core/extension.ts'
import type { HttpAnswer, HttpRequest } from '../core/http-route.ts'
import { xml } from '../xml/element.ts'

const XRD = 'http://docs.oasis-open.org/ns/xri/xrd-1.0'
/** XEP-0156 §2.1: relations of links. */
const WEBSOCKET = 'urn:xmpp:alt-connections:websocket'
const BOSH = 'urn:xmpp:alt-connections:xbosh'

export default defineExtension({
  name: 'host-meta',
  doc: 'Tells web clients where to connect, at `/.well-known/host-meta` and `/.well-known/host-meta.json`',
  xeps: [{ xep: 156, version: '1.4.0', status: 'complete' }],
  setup: () => ({
    http: [
      {
        method: 'GET',
        path: '/.well-known/host-meta',
        handler: request => {
          const links = linksAt(request).map(link => xml('Link', { ...link }))
          const body = `<?xml version='1.0' encoding='utf-8'?>\n${xml('XRD', { xmlns: XRD }, links)}\n`
          return answer('application/xrd+xml; charset=utf-8', body)
        },
      },
      {
        method: 'GET',
        path: '/.well-known/host-meta.json',
        handler: request => answer('application/json', JSON.stringify({ links: linksAt(request) })),
      },
    ],
  }),
})

/** By the name under which the client found us: whatever stands before us passes the rest on as well. */
function linksAt({ origin, services }: HttpRequest): { rel: string; href: string }[] {
  // XEP-0156 §2.2: only URLs that start with 'https://' or 'wss://'.
  if (!origin.startsWith('https:')) return []
  const websocket = { rel: WEBSOCKET, href: `${origin.replace(/^http/, 'ws')}/ws` }
  return services.bosh ? [websocket, { rel: BOSH, href: `${origin}/bosh` }] : [websocket]
}

function answer(type: string, body: string): HttpAnswer {
  // XEP-0156 §3: pages from anywhere may read it.
  return { headers: { 'content-type': type, 'access-control-allow-origin': '*' }, body }
}
