/** XEP-0156: Discovering Alternative XMPP Connection Methods: tells web clients where the WebSocket is. */
import { defineExtension, type HttpAnswer } from '../core/extension.ts'
import { xml } from '../xml/element.ts'

const XRD = 'http://docs.oasis-open.org/ns/xri/xrd-1.0'
/** XEP-0156 §2.1: relations of links. */
const WEBSOCKET = 'urn:xmpp:alt-connections:websocket'

export default defineExtension({
  name: 'host-meta',
  doc: 'Tells web clients where to connect, at `/.well-known/host-meta` and `/.well-known/host-meta.json`',
  xeps: [{ xep: 156, version: '1.4.0', status: 'complete' }],
  setup: () => ({
    http: [
      {
        method: 'GET',
        path: '/.well-known/host-meta',
        handler: ({ origin }) => {
          const links = linksAt(origin).map(link => xml('Link', { ...link }))
          const body = `<?xml version='1.0' encoding='utf-8'?>\n${xml('XRD', { xmlns: XRD }, links)}\n`
          return answer('application/xrd+xml; charset=utf-8', body)
        },
      },
      {
        method: 'GET',
        path: '/.well-known/host-meta.json',
        handler: ({ origin }) => answer('application/json', JSON.stringify({ links: linksAt(origin) })),
      },
    ],
  }),
})

/** By the name under which the client found us: whatever stands before us passes the rest on as well. */
function linksAt(origin: string): { rel: string; href: string }[] {
  // XEP-0156 §2.2: only URLs that start with 'https://' or 'wss://'.
  if (!origin.startsWith('https:')) return []
  return [{ rel: WEBSOCKET, href: `${origin.replace(/^http/, 'ws')}/ws` }]
}

function answer(type: string, body: string): HttpAnswer {
  // XEP-0156 §3: pages from anywhere may read it.
  return { headers: { 'content-type': type, 'access-control-allow-origin': '*' }, body }
}
