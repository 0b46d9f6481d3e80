import { NS } from '../../../src/xml/ns.ts'
import { ScramClient } from '../scram-client.ts'
import { Client } from './client.ts'
import type { Ports } from './transport.ts'
import type { ClientSpec } from './types.ts'
import type { XmlElement } from './xml.ts'

/** Connects a client, signs it in by PLAIN and binds its resource: RFC 6120 §4 to §7 as a client that is in no hurry. */
export async function signIn(spec: ClientSpec, ports: Ports): Promise<Client> {
  const [bare = '', resource] = (spec.address ?? '').split('/')
  const client = await Client.connect(spec, ports)
  const features = await openStream(client, domainOf(bare), spec.lang)
  if (spec.tls === 'starttls' || tlsRequired(features)) {
    client.send(`<starttls xmlns="${NS.tls}"/>`)
    await client.expect('proceed')
    await client.line.startTls()
    await openStream(client, domainOf(bare), spec.lang)
  }
  await authenticateByPlain(client, bare, spec.password, spec.lang)
  const wish = resource === undefined ? '' : `<resource>${resource}</resource>`
  client.send(`<iq type="set" id="bind"><bind xmlns="${NS.bind}">${wish}</bind></iq>`)
  await client.expect('iq')
  if (client.address === undefined) throw new Error(`${spec.name} could not bind`)
  return client
}

/** Sends a stream header and waits for the answer; gives the stream's features. */
export async function openStream(client: Client, domain = 'localhost', lang?: string): Promise<XmlElement> {
  client.line.open(domain, lang)
  const answer = await client.next('a stream header')
  if (answer?.kind !== 'open') throw new Error(`${client.name} gets no stream header`)
  return client.expect('features')
}

/** Authenticates on an open stream and opens the next one. */
export async function authenticateByPlain(
  client: Client,
  address: string,
  password: string,
  lang?: string,
): Promise<void> {
  const local = address.split('@', 1)[0]
  client.send(`<auth xmlns="${NS.sasl}" mechanism="PLAIN">${base64(`\0${local}\0${password}`)}</auth>`)
  await client.expect('success')
  await openStream(client, domainOf(address), lang)
}

/** A client's side of SCRAM without channel binding up to its final message; the verdict is left to the dialogue. */
export async function authenticateByScram(
  client: Client,
  { mechanism, sasl2, user, password }: { mechanism: string; sasl2: boolean; user: string; password: string },
): Promise<void> {
  const scram = new ScramClient({ mechanism, username: user, password })
  const first = base64(scram.first())
  const initial = sasl2 ? `<initial-response>${first}</initial-response>` : first
  const [name, ns] = sasl2 ? ['authenticate', NS.sasl2] : ['auth', NS.sasl]
  client.send(`<${name} xmlns="${ns}" mechanism="${mechanism}">${initial}</${name}>`)
  const challenge = await client.expect('challenge')
  const final = scram.final(Buffer.from(challenge.children.join(''), 'base64'))
  client.send(`<response xmlns="${ns}">${base64(final)}</response>`)
}

function domainOf(address: string): string {
  return address.replace(/^.*@/, '')
}

function base64(text: string | Buffer): string {
  return Buffer.from(text).toString('base64')
}

function tlsRequired(features: XmlElement): boolean {
  return features.children.some(
    child =>
      typeof child === 'object' &&
      child.name === 'starttls' &&
      child.children.some(inner => typeof inner === 'object' && inner.name === 'required'),
  )
}
