/** Elements for the grammar fuzz: everything the server knows by name, whole and spoilt. All of it is well-formed XML. */
import { NS } from '../../src/xml/ns.ts'
import type { Claims } from './grammar-oracle.ts'
import { ATTRIBUTES, GENERAL_NAMES, NAMES, NAMESPACES, NOT_INSIDE, TEXTS, TYPES } from './grammar-words.ts'
import type { Random } from './random.ts'

/** The states of a stream in which something may come in: RFC 6120 §4.3. */
export type StreamState = 'no header' | 'before TLS' | 'before sign-in' | 'before binding' | 'bound'

const STATES: readonly StreamState[] = [
  'no header',
  'before TLS',
  'before sign-in',
  'before binding',
  'bound',
]

/** One thing to send, and what has to be known of it to judge the answer. */
export interface FuzzCase {
  readonly state: StreamState
  readonly xml: string
  /** Name and namespace of the top-level element. */
  readonly name: string
  readonly namespace: string
  readonly attributes: Readonly<Record<string, string | undefined>>
  /** Names and namespaces of its children. */
  readonly children: readonly (readonly [name: string, namespace: string])[]
  /** Whether it has text of its own. */
  readonly text: boolean
}

/** Who may be addressed. */
export interface Addresses {
  readonly self: string
  readonly other: string
}

/** A child of a request. */
type Request = readonly [name: string, namespace: string]

const BIND: Request = ['bind', NS.bind]

/** The requests that somebody handles. */
export function claimed(claims: Claims): readonly Request[] {
  const all = NAMESPACES.flatMap(namespace =>
    [...(NAMES[namespace] ?? []), ...GENERAL_NAMES].map(name => [name, namespace] as const),
  )
  const places = ['server', 'account'] as const
  return all.filter(([name, namespace]) =>
    ['get', 'set'].some(type => places.some(place => claims(type, place, namespace, name))),
  )
}

/** Makes cases out of random choices. */
export class Grammar {
  private readonly random: Random
  private readonly requests: readonly Request[]
  private last = 0

  /** `requests`: what is to be tried more often than by chance. */
  constructor(random: Random, requests: readonly Request[]) {
    this.random = random
    this.requests = requests
  }

  next(addresses: Addresses): FuzzCase {
    const { random } = this
    // Most of it where most can happen.
    const state = random.once(5) ? random.pick(STATES) : 'bound'
    const stanza = state === 'bound' ? !random.once(25) : random.once(2)
    const kind = random.pick(['iq', 'iq', 'iq', 'message', 'presence'])
    const namespace = stanza ? NS.client : this.topNamespace(state)
    const name = stanza ? kind : this.nameOf(namespace)
    const attributes: Record<string, string | undefined> = stanza
      ? this.stanzaAttributes(kind, addresses)
      : this.attributes()
    const children = Array.from({ length: this.count(kind) }, () =>
      kind === 'iq' && random.once(2) ? this.request(state) : this.child(),
    )
    if (namespace === NS.sasl2 && name === 'authenticate' && random.once(2)) {
      attributes.mechanism = 'PLAIN'
      children.push(...this.inline())
    }
    const text = random.once(stanza ? 20 : 3) ? random.pick(TEXTS) : ''
    const inner = children.map(child => print(child)).join('') + escaped(text)
    const declared = stanza && !random.once(10) ? '' : ` xmlns="${escaped(namespace)}"`
    return {
      state,
      xml: `<${name}${declared}${printAttributes(attributes)}>${inner}</${name}>`,
      name,
      namespace,
      attributes,
      children: children.map(child => [child.name, child.namespace] as const),
      text: text.trim() !== '',
    }
  }

  /** What belongs into a state, or anything. */
  private topNamespace(state: StreamState): string {
    const fitting =
      state === 'bound' || state === 'before binding'
        ? NS.streamManagement
        : state === 'before TLS'
          ? NS.tls
          : this.random.pick([NS.sasl, NS.sasl2])
    const chosen = this.random.once(2) ? fitting : this.random.pick(NAMESPACES)
    // These cannot be declared as a default namespace.
    return chosen === NS.xml || chosen === NS.xmlns ? NS.discoInfo : chosen
  }

  private nameOf(namespace: string): string {
    const names = NAMES[namespace] ?? GENERAL_NAMES
    return this.random.once(8) ? this.random.pick(GENERAL_NAMES) : this.random.pick(names)
  }

  /** An IQ has one child as a rule, which is what makes it valid. */
  private count(kind: string): number {
    if (this.random.once(5)) return this.random.below(4)
    return kind === 'iq' ? 1 : this.random.below(3)
  }

  /** The child of a request that is handled, with whatever attributes and children. */
  private request(state: StreamState): Node {
    const [name, namespace] = state === 'before binding' ? BIND : this.random.pick(this.requests)
    const attributes = this.random.once(2) ? {} : this.attributes()
    const children = this.random.once(4) ? [this.child(1)] : []
    if (namespace === NS.bind && this.random.once(2)) {
      const text = this.random.pick(TEXTS)
      children.push({ name: 'resource', namespace, attributes: {}, children: [], text })
    }
    return { name, namespace, attributes, children, text: this.random.once(6) ? this.random.pick(TEXTS) : '' }
  }

  /** XEP-0388 §2.3: what belongs into a sign-in that may succeed. */
  private inline(): Node[] {
    const { random } = this
    const node = (name: string, namespace: string, text = '', children: readonly Node[] = []): Node => ({
      name,
      namespace,
      attributes: this.attributes(),
      children,
      text,
    })
    const wishes = [this.child(1), node('enable', random.pick([NS.carbons, NS.streamManagement]))]
    return [
      node('initial-response', NS.sasl2, 'AGFsaWNlAHNlY3JldA=='),
      ...(random.once(2) ? [node('user-agent', NS.sasl2)] : []),
      ...(random.once(4) ? [node('resume', NS.streamManagement)] : []),
      ...(random.once(2)
        ? [node('bind', NS.bind2, '', [...wishes, node('tag', NS.bind2, random.pick(TEXTS))])]
        : []),
    ]
  }

  private child(depth = 0): Node {
    const { random } = this
    // Bodies and priorities are elements of the content namespace.
    const content = depth === 0 && random.once(4)
    const namespace = content ? NS.client : random.pick(NAMESPACES.filter(one => !NOT_INSIDE.includes(one)))
    const name = content
      ? random.pick(['body', 'subject', 'thread', 'show', 'status', 'priority', 'error'])
      : this.nameOf(namespace)
    const children =
      depth < 3 && random.once(3) ? Array.from({ length: random.below(3) }, () => this.child(depth + 1)) : []
    return {
      name,
      namespace,
      attributes: random.once(2) ? {} : this.attributes(),
      children,
      text: random.once(2) ? random.pick(TEXTS) : '',
    }
  }

  private attributes(): Record<string, string> {
    const { random } = this
    const names = Array.from({ length: random.below(4) }, () => random.pick(ATTRIBUTES))
    return Object.fromEntries(
      names.map(name => [name, name === 'mechanism' ? this.mechanism() : random.pick(TEXTS)]),
    )
  }

  private mechanism(): string {
    return this.random.pick([
      'PLAIN',
      'SCRAM-SHA-1',
      'SCRAM-SHA-256',
      'SCRAM-SHA-512',
      'SCRAM-SHA-1-PLUS',
      'EXTERNAL',
      '',
    ])
  }

  private stanzaAttributes(kind: string, { self, other }: Addresses): Record<string, string | undefined> {
    const { random } = this
    const bare = (jid: string): string => jid.replace(/\/.*/, '')
    const usual =
      kind === 'iq' ? ['get', 'set', 'get', 'set', 'result', 'error'] : [undefined, 'chat', undefined]
    return {
      ...(random.once(10) ? this.attributes() : {}),
      type: random.once(4) ? random.pick(TYPES) : random.pick(usual),
      id: random.once(25) ? random.pick([undefined, '', 'x'.repeat(2000)]) : `c${++this.last}`,
      to: random.pick([
        undefined,
        'localhost',
        'localhost',
        'localhost/x',
        bare(self),
        self,
        bare(other),
        other,
        `${bare(other)}/gone`,
        'nobody@localhost',
        'nobody@localhost/x',
        'bob@elsewhere.example',
        'elsewhere.example',
        '',
        '@',
        'a b@localhost',
        'x@y@z/',
      ]),
      from: random.once(30) ? random.pick([self, bare(self), other, 'localhost', '@', '']) : undefined,
    }
  }
}

interface Node {
  readonly name: string
  readonly namespace: string
  readonly attributes: Readonly<Record<string, string | undefined>>
  readonly children: readonly Node[]
  readonly text: string
}

function print({ name, namespace, attributes, children, text }: Node): string {
  const inner = children.map(print).join('') + escaped(text)
  const declared = namespace === NS.client ? '' : ` xmlns="${escaped(namespace)}"`
  return `<${name}${declared}${printAttributes(attributes)}>${inner}</${name}>`
}

function printAttributes(attributes: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${escaped(value)}"`))
    .join('')
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, character => `&#${character.charCodeAt(0)};`)
}
