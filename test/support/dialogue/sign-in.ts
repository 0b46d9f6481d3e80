import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { NS } from '../../../src/xml/ns.ts'
import { Client, type Ports } from './client.ts'
import type { ClientSpec } from './types.ts'
import type { XmlElement } from './xml.ts'

/** Connects a client, signs it in by PLAIN and binds its resource: RFC 6120 §4 to §7 as a client that is in no hurry. */
export async function signIn(spec: ClientSpec, ports: Ports): Promise<Client> {
  const [local = '', domain = '', resource] = (spec.address ?? '').split(/[@/]/)
  const client = await Client.connect(spec.name, ports, spec.tls === 'direct')
  const open = async (): Promise<XmlElement> => {
    client.send(header(domain, spec.lang))
    await client.next('a stream header')
    return client.expect('features')
  }
  let features = await open()
  if (spec.tls === 'starttls' || tlsRequired(features)) {
    client.send(`<starttls xmlns="${NS.tls}"/>`)
    await client.expect('proceed')
    await client.startTls()
    features = await open()
  }
  client.send(`<auth xmlns="${NS.sasl}" mechanism="PLAIN">${base64(`\0${local}\0${spec.password}`)}</auth>`)
  await client.expect('success')
  await open()
  const wish = resource === undefined ? '' : `<resource>${resource}</resource>`
  client.send(`<iq type="set" id="bind"><bind xmlns="${NS.bind}">${wish}</bind></iq>`)
  await client.expect('iq')
  if (client.address === undefined) throw new Error(`${spec.name} could not bind`)
  return client
}

/** What a client's stream begins with. */
export function header(domain: string, lang?: string): string {
  const language = lang === undefined ? '' : ` xml:lang="${lang}"`
  return `<?xml version="1.0"?><stream:stream xmlns="${NS.client}" xmlns:stream="${NS.stream}" to="${domain}" version="1.0"${language}>`
}

/** A client's side of SCRAM without channel binding (RFC 5802 §5) up to its final message; the verdict is left to the dialogue. */
export async function authenticateByScram(
  client: Client,
  { mechanism, user, password }: { mechanism: string; user: string; password: string },
): Promise<void> {
  const digest = mechanism.slice('SCRAM-'.length).replace('-', '').toLowerCase()
  const bare = `n=${user},r=${randomBytes(12).toString('base64')}`
  client.send(`<auth xmlns="${NS.sasl}" mechanism="${mechanism}">${base64(`n,,${bare}`)}</auth>`)
  const challenge = Buffer.from((await client.expect('challenge')).children.join(''), 'base64').toString()
  const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge) ?? []
  const length = createHash(digest).digest().length
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), length, digest)
  const clientKey = hmac(digest, salted, 'Client Key')
  const final = `c=biws,r=${nonce}`
  const signature = hmac(
    digest,
    createHash(digest).update(clientKey).digest(),
    `${bare},${challenge},${final}`,
  )
  const proof = clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))
  client.send(
    `<response xmlns="${NS.sasl}">${base64(`${final},p=${Buffer.from(proof).toString('base64')}`)}</response>`,
  )
}

function hmac(digest: string, key: Buffer, text: string): Buffer {
  return createHmac(digest, key).update(text).digest()
}

function base64(text: string): string {
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
