import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { NS } from '../../../src/xml/ns.ts'
import type { Ports, Receiver, Transport } from './transport.ts'
import { within } from './within.ts'
import { XmlParser } from './xml.ts'

const TLS = { rejectUnauthorized: false, servername: 'localhost' }

/** RFC 6120: a stream over TCP. */
export class TcpTransport implements Transport {
  private readonly receiver: Receiver
  private socket: Socket
  private parser = new XmlParser()

  private constructor(socket: Socket, receiver: Receiver) {
    this.socket = socket
    this.receiver = receiver
    this.attach(socket)
  }

  /** Connects; with TLS at once where `direct`. */
  static async connect(ports: Ports, direct: boolean, receiver: Receiver): Promise<TcpTransport> {
    const host = '127.0.0.1'
    const socket = direct
      ? connectTls({ ...TLS, host, port: ports.tls, ALPNProtocols: ['xmpp-client'] })
      : connect(ports.tcp, host)
    socket.setNoDelay(true)
    await once(socket, direct ? 'secureConnect' : 'connect')
    return new TcpTransport(socket, receiver)
  }

  send(text: string): void {
    this.socket.write(text)
  }

  async sendBytes(data: Buffer, each: boolean): Promise<void> {
    if (!each) this.socket.write(data)
    else
      for (const byte of data) {
        this.socket.write(Buffer.of(byte))
        await new Promise(setImmediate)
      }
  }

  open(domain: string, lang: string | undefined): void {
    const language = lang === undefined ? '' : ` xml:lang="${lang}"`
    this.send(
      `<?xml version="1.0"?><stream:stream xmlns="${NS.client}" xmlns:stream="${NS.stream}" to="${domain}" version="1.0"${language}>`,
    )
  }

  close(): void {
    this.send('</stream:stream>')
  }

  end(): void {
    this.socket.end()
  }

  drop(): void {
    this.socket.destroy()
  }

  async ready(): Promise<void> {}

  async startTls(): Promise<void> {
    this.socket.removeAllListeners()
    const secured = connectTls({ ...TLS, socket: this.socket })
    await within(once(secured, 'secureConnect'), 'the TLS handshake')
    this.parser = new XmlParser()
    this.attach(secured)
  }

  private attach(socket: Socket): void {
    this.socket = socket
    socket.on('data', data => {
      try {
        for (const event of this.parser.write(data)) this.receiver.received(event)
      } catch (error) {
        this.receiver.failed(error as Error)
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => this.receiver.closed())
  }
}
