/** Reads dialogue files. The format is described in test/dialogues/README.md. */

import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import { NS } from '../../../src/xml/ns.ts'
import type { Over } from './transport.ts'
import type { Action, ClientSpec, Dialogue, Step } from './types.ts'

/** The password of every account whose dialogue says nothing else. */
export const DEFAULT_PASSWORD = 'secret'

/** Made once with test/support/signal-keys.ts; nobody has their private keys. */
const KEYS = new URL('../../fixtures/prekeys/keys.json', import.meta.url)
let keys: Readonly<Record<string, string>> | undefined

const CITATION = /^# ((?:RFC \d{4}|XEP-\d{4}) §[\dA-Z][\w.]*): \S.{20,}/
const CLIENT =
  /\[([a-z][a-z0-9-]*)\]\s+([^\s()[\]]+)(?:\s+over\s+((?:tcp|websocket|bosh)(?: or (?:tcp|websocket|bosh))*))?(?:\s+\(([^)]*)\))?/g
const UNITS: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

/** Thrown for a file that cannot be read; says where and why. */
class DialogueSyntaxError extends Error {
  constructor(line: number, why: string) {
    super(`line ${line}: ${why}`)
    this.name = 'DialogueSyntaxError'
  }
}

/** A line with the indented lines that continue it. */
interface Block {
  readonly line: number
  readonly head: string
  readonly rest: string[]
}

/** Parses a dialogue. `name` is its file's name, whose number one of the citations must have. */
export function parseDialogue(source: string, name: string): Dialogue {
  const lines = withKeys(source).split('\n')
  const sections = citations(lines, name)
  const separator = lines.findIndex(line => /^-{5,}$/.test(line))
  if (separator < 0)
    throw new DialogueSyntaxError(lines.length, 'no line of dashes between clients and dialogue')
  const header = readHeader(blocks(lines.slice(0, separator), 1))
  const steps = blocks(lines.slice(separator + 1), separator + 2).map(readStep)
  if (steps.length === 0) throw new DialogueSyntaxError(lines.length, 'nothing happens')
  const known = new Set(header.clients.map(client => client.name))
  for (const step of steps)
    if ('client' in step && !known.has(step.client))
      throw new DialogueSyntaxError(step.line, `no client "${step.client}"`)
  return { section: sections[0] as string, ...header, steps }
}

/** `{key one-time-1}` is what stands under that name in test/fixtures/prekeys/keys.json: public keys and signatures cannot be made up. */
function withKeys(source: string): string {
  return source.replace(/\{key ([a-z0-9.-]+)\}/g, (whole, name: string) => {
    keys ??= JSON.parse(readFileSync(KEYS, 'utf8')) as Record<string, string>
    const key = keys[name]
    if (key === undefined) throw new DialogueSyntaxError(1, `there is no ${whole}`)
    return key
  })
}

/** Every dialogue says first which sentence of which section it proves. */
function citations(lines: readonly string[], name: string): string[] {
  const comment = lines.slice(
    0,
    lines.findIndex(line => !line.startsWith('#')),
  )
  const sections = comment.flatMap(line => CITATION.exec(line)?.[1] ?? [])
  if (CITATION.exec(comment[0] ?? '') === null)
    throw new DialogueSyntaxError(
      1,
      'does not begin with a quotation: "# RFC 6120 §4.9.3.6: The value of ..."',
    )
  const number = name.slice(0, 4)
  if (!sections.some(section => section.includes(` ${number} `) || section.includes(`-${number} `)))
    throw new DialogueSyntaxError(1, `named after ${number}, which it does not quote`)
  return sections
}

function blocks(lines: readonly string[], first: number): Block[] {
  const found: Block[] = []
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('#') || line.trim() === '') continue
    if (/^\s/.test(line)) {
      const last = found.at(-1)
      if (last === undefined) throw new DialogueSyntaxError(first + i, 'indented, but continues nothing')
      last.rest.push(line)
    } else found.push({ line: first + i, head: line.trimEnd(), rest: [] })
  }
  return found
}

function readHeader(found: readonly Block[]): Omit<Dialogue, 'section' | 'steps'> {
  const clients: ClientSpec[] = []
  const accounts: string[] = []
  let config: Record<string, unknown> = {}
  let invitations: Dialogue['invitations'] = {}
  for (const { line, head, rest } of found) {
    if (head === 'config:') config = parseYaml(rest.join('\n')) as Record<string, unknown>
    else if (head === 'invitations:') invitations = parseYaml(rest.join('\n')) as Dialogue['invitations']
    else if (head.startsWith('account: ')) accounts.push(head.slice(9).trim())
    else if (head.replace(CLIENT, '').trim() === '' && head !== '')
      for (const [, name = '', address = '', over, options] of head.matchAll(CLIENT))
        clients.push(readClient(line, { name, address, over }, options))
    else throw new DialogueSyntaxError(line, `neither clients nor "config:" nor "account:": ${head}`)
  }
  return { clients, accounts, invitations, config }
}

function readClient(
  line: number,
  { name, address, over }: { name: string; address: string; over: string | undefined },
  options = '',
): ClientSpec {
  const scripted = address === 'tcp' || address === 'tls' || address === 'websocket'
  if (!scripted && !address.includes('@'))
    throw new DialogueSyntaxError(
      line,
      `${address} is neither an address nor "tcp" nor "tls" nor "websocket"`,
    )
  const client: { -readonly [K in keyof ClientSpec]: ClientSpec[K] } = {
    name,
    address: scripted ? undefined : address,
    password: DEFAULT_PASSWORD,
    ...carriers(scripted ? (address === 'websocket' ? address : 'tcp') : over),
    tls: address === 'tls' ? 'direct' : undefined,
    lang: undefined,
    admin: false,
  }
  for (const option of options.split(',').map(text => text.trim())) {
    const [word, value] = option.split(/\s+/, 2)
    if (option === '') continue
    else if (word === 'password' && value !== undefined) client.password = value
    else if (word === 'lang' && value !== undefined) client.lang = value
    else if (option === 'direct TLS' || option === 'STARTTLS') {
      client.tls = option === 'STARTTLS' ? 'starttls' : 'direct'
      client.others = []
    } else if (option === 'admin') client.admin = true
    else throw new DialogueSyntaxError(line, `unknown option "${option}" of a client`)
  }
  return client
}

/** What a client connects over, and what it may: anything, unless the file says so. */
function carriers(text = 'tcp or websocket or bosh'): Pick<ClientSpec, 'over' | 'others'> {
  const [over = 'tcp', ...others] = text.split(' or ') as Over[]
  return { over, others }
}

function readStep({ line, head, rest }: Block): Step {
  const colon = /^([^:<]*):(?:\s+(.*))?$/.exec(head)
  const phrase = (colon?.[1] ?? head).trim()
  const xml = joinLines([colon?.[2] ?? '', ...rest])
  const action = readPhrase(phrase, xml, line)
  if (action === undefined) throw new DialogueSyntaxError(line, `no such step: ${head}`)
  return { line, text: head, ...action }
}

function readPhrase(phrase: string, xml: string, line: number): Action | undefined {
  const wait = /^time passes (\d+) ([a-z]+?)s?$/.exec(phrase)
  if (wait !== null) {
    const unit = UNITS[wait[2] ?? '']
    if (unit === undefined) throw new DialogueSyntaxError(line, `unknown unit "${wait[2]}"`)
    return { do: 'wait', milliseconds: Number(wait[1]) * unit }
  }
  if (phrase === 'the server stops') return { do: 'stop-server' }
  if (phrase === 'the server starts again') return { do: 'restart-server' }
  if (phrase === 'the storage fails' || phrase === 'the storage works again')
    return { do: 'storage', fails: phrase === 'the storage fails' }
  const [, client, verb] = /^([a-z][a-z0-9-]*)(?: |(?='s ))(.*)$/.exec(phrase) ?? []
  if (client === undefined || verb === undefined) return undefined
  const withXml = readEntering(client, verb, xml) ?? readSending(client, verb, xml)
  if (withXml !== undefined && xml === '' && withXml.do !== 'online' && withXml.do !== 'enter')
    throw new DialogueSyntaxError(line, 'nothing stands after the colon')
  return withXml ?? (xml === '' ? readBare(client, verb) : undefined)
}

function readEntering(client: string, verb: string, xml: string): Action | undefined {
  const [, address] = /^enters (\S+@\S+?\/.+)$/.exec(verb) ?? []
  const presence = xml === '' ? `<x xmlns="${NS.room}"/>` : xml
  return address === undefined ? undefined : { do: 'enter', client, address, presence }
}

function readSending(client: string, verb: string, xml: string): Action | undefined {
  switch (verb) {
    case 'comes online':
      return { do: 'online', client, presence: xml === '' ? '<presence/>' : xml }
    case 'sends':
      return { do: 'send', client, xml, raw: false, bytewise: false }
    case 'sends byte by byte':
      return { do: 'send', client, xml, raw: false, bytewise: true }
    case 'sends bytes':
      return { do: 'send', client, xml, raw: true, bytewise: false }
    case 'receives':
      return { do: 'receive', client, xml, anyOrder: false }
    case 'receives in any order':
      return { do: 'receive', client, xml, anyOrder: true }
    default:
      return undefined
  }
}

function readBare(client: string, verb: string): Action | undefined {
  switch (verb) {
    case 'connects':
      return { do: 'connect', client }
    case 'disconnects':
      return { do: 'disconnect', client }
    case 'drops':
      return { do: 'drop', client }
    case 'opens a stream':
      return { do: 'open', client }
    case 'starts TLS':
      return { do: 'start-tls', client }
    case 'receives nothing':
      return { do: 'receive-nothing', client }
    case "'s stream ends":
      return { do: 'stream-ends', client }
    case "'s connection ends":
      return { do: 'connection-ends', client }
  }
  const [, address, ownPassword = DEFAULT_PASSWORD] =
    /^signs in as (\S+@\S+?)(?: with (\S+))?$/.exec(verb) ?? []
  if (address !== undefined) return { do: 'sign-in', client, address, password: ownPassword }
  const scram = /^authenticates by (SCRAM-SHA-(?:1|256|512))( in SASL2)? as (\S+)(?: with (\S+))?$/.exec(verb)
  const [, mechanism, form, user = '', password = DEFAULT_PASSWORD] = scram ?? []
  const sasl2 = form !== undefined
  return mechanism === undefined ? undefined : { do: 'scram', client, mechanism, sasl2, user, password }
}

/** Line breaks and indentation are the file's, not the XML's: a space where they part words, nothing between tags. */
function joinLines(lines: readonly string[]): string {
  return lines
    .map(line => line.trim())
    .filter(line => line !== '')
    .reduce((text, line) => {
      const glue = text === '' || text.endsWith('>') || line.startsWith('<') ? '' : ' '
      return text + glue + line
    }, '')
}
