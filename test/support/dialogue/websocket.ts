import { once } from 'node:events'
import { WebSocket } from 'ws'
import { NS } from '../../../src/xml/ns.ts'
import { elementsOf, type Ports, type Receiver, type Transport, unsupported } from './transport.ts'
import { parseXml, ROOT_SCOPE, type XmlEvent } from './xml.ts'

/**
 * RFC 7395: a stream over WebSocket. A scripted client (`verbatim`) sends each text as one message, and is told of `<open/>` and
 * `<close/>` as of other elements; any other sends a message for each element, and they are the ends of its stream.
 */
export class WebSocketTransport implements Transport {
  private readonly websocket: WebSocket
  private readonly verbatim: boolean

  private constructor(websocket: WebSocket, verbatim: boolean, receiver: Receiver) {
    this.websocket = websocket
    this.verbatim = verbatim
    websocket.on('message', data => {
      try {
        // RFC 7395 §3.3.3: each message stands alone.
        for (const event of parseXml(String(data), ROOT_SCOPE))
          receiver.received(verbatim ? event : streamEvent(event))
      } catch (error) {
        receiver.failed(error as Error)
      }
    })
    websocket.on('error', () => {})
    websocket.on('close', () => receiver.closed())
  }

  static async connect(ports: Ports, verbatim: boolean, receiver: Receiver): Promise<WebSocketTransport> {
    const websocket = new WebSocket(`ws://127.0.0.1:${ports.http}/ws`, 'xmpp')
    const transport = new WebSocketTransport(websocket, verbatim, receiver)
    await once(websocket, 'open')
    return transport
  }

  send(text: string): void {
    if (this.verbatim) this.websocket.send(text)
    else
      for (const element of elementsOf(text))
        if (element === '</stream:stream>') this.close()
        else this.websocket.send(standalone(element))
  }

  async sendBytes(data: Buffer, each: boolean): Promise<void> {
    if (each) unsupported('byte by byte')
    this.websocket.send(data)
  }

  open(domain: string, lang: string | undefined): void {
    const language = lang === undefined ? '' : ` xml:lang="${lang}"`
    this.websocket.send(`<open xmlns="${NS.framing}" to="${domain}" version="1.0"${language}/>`)
  }

  close(): void {
    this.websocket.send(`<close xmlns="${NS.framing}"/>`)
  }

  end(): void {
    this.websocket.close()
  }

  drop(): void {
    this.websocket.terminate()
  }

  async ready(): Promise<void> {}

  startTls(): Promise<void> {
    return unsupported('STARTTLS over WebSocket')
  }
}

/** An element with its namespace, if it leaves that to a stream. */
function standalone(element: string): string {
  const [start = '', name = ''] = /^<([^\s/>]+)(?:[^"'>]|"[^"]*"|'[^']*')*>/.exec(element) ?? []
  if (/\sxmlns\s*=/.test(start) || name.includes(':')) return element
  return element.replace(name, `${name} xmlns="${NS.client}"`)
}

/** RFC 7395 §3.4, §3.6 */
function streamEvent(event: XmlEvent): XmlEvent {
  if (event.kind !== 'element' || event.element.namespace !== NS.framing) return event
  return event.element.name === 'open' ? { ...event, kind: 'open' } : { kind: 'close' }
}
