import { sameBytes } from './bytes.ts'
import { NS } from './ns.ts'
import { refuse } from './refusal.ts'
import { nameText, valueText } from './slices.ts'
import { DECLARES, DECLARES_PREFIX, PREFIXED, type Span, type Tag } from './tag.ts'

/** What the stream header declared; a stanza is read inside it. */
export interface StreamScope {
  /** The default namespace, '' for none. */
  defaultNamespace: string
  /** Namespaces by prefix. */
  prefixes: ReadonlyMap<string, string>
}

/** A scope that declares nothing: of an element that stands alone. */
export const NO_SCOPE: StreamScope = { defaultNamespace: '', prefixes: new Map() }

/** What nearly all clients declare: one object for all their streams. */
const CLIENT_SCOPE: StreamScope = {
  defaultNamespace: NS.client,
  prefixes: new Map([['stream', NS.stream]]),
}

/** The same scope as one object for all streams that declare what most do. Nothing else of the argument is kept. */
export function sharedScope({ defaultNamespace, prefixes }: StreamScope): StreamScope {
  const usual = defaultNamespace === NS.client && prefixes.size === 1 && prefixes.get('stream') === NS.stream
  return usual ? CLIENT_SCOPE : { defaultNamespace, prefixes }
}

/** What a prefix stands for from one depth on. */
interface Binding {
  readonly prefix: string
  readonly namespace: string
  readonly depth: number
  /** What it stood for before, and will again. */
  readonly outer: Binding | undefined
}

/**
 * The namespaces in scope while one top-level element is read (Namespaces in XML 1.0), and whether its content means the same
 * elsewhere. Depth 0 is the stream, 1 the top-level element, 2 its children.
 */
export class Namespaces {
  /** The content relies on something outside it, or names a content namespace where it is inherited: it must be rewritten. */
  rewrite = false
  /** Namespace of the element that was entered last. */
  element = ''
  private scope = NO_SCOPE
  private readonly defaults: string[] = ['', '']
  /** The innermost binding of each prefix. */
  private readonly bindings = new Map<string, Binding>()
  /** All bindings in scope, in the order of their declarations. */
  private readonly declared: Binding[] = []

  /** Forgets everything but the scope of the stream. */
  reset(scope: StreamScope): void {
    this.rewrite = false
    this.leave(1)
    if (scope === this.scope) return
    this.scope = scope
    this.leave(0)
    this.defaults[0] = scope.defaultNamespace
    this.defaults[1] = scope.defaultNamespace
    for (const [prefix, namespace] of scope.prefixes) this.bind(prefix, namespace, 0)
  }

  /** Takes in a start tag. Throws `StreamError` where it breaks a rule. */
  enter(b: Buffer, tag: Tag, depth: number): void {
    this.defaults[depth] = this.defaults[depth - 1]!
    if ((tag.flags & DECLARES) !== 0) this.takeDeclarations(b, tag, depth)
    const namespace =
      tag.colon < 0 ? this.defaults[depth]! : this.lookup(nameText(b, tag.name, tag.colon), depth)
    this.element = namespace
    if (namespace === NS.stream && depth > 1) refuse('stream-namespace')
    if (tag.colon >= 0) {
      // RFC 6120 §4.8.5: no prefixes on elements of the content namespace; who sends them gets <bad-namespace-prefix/>.
      if (isContent(namespace)) refuse('content-prefix')
      if (depth === 1 && this.defaults[1] !== namespace) this.rewrite = true
    }
    if ((tag.flags & PREFIXED) !== 0) this.checkAttributes(b, tag, depth)
  }

  /** Forgets what was declared at this depth and deeper. */
  leave(depth: number): void {
    const { bindings, declared } = this
    while (declared.length > 0 && declared[declared.length - 1]!.depth >= depth) {
      const { prefix, outer } = declared.pop()!
      if (outer === undefined) bindings.delete(prefix)
      else bindings.set(prefix, outer)
    }
  }

  /** The namespace of a prefix that is used at this depth. */
  lookup(prefix: string, depth: number): string {
    if (prefix === 'xml') return NS.xml
    if (prefix === 'xmlns') refuse('prefix-reserved')
    const binding = this.bindings.get(prefix)
    if (binding === undefined) refuse('prefix-undeclared')
    if (depth > 1 && binding.depth <= 1) this.rewrite = true
    return binding.namespace
  }

  /** Whether the prefix was declared outside the content, by the stream or the top-level element. */
  isOuter(prefix: string): boolean {
    return (this.bindings.get(prefix)?.depth ?? 2) <= 1
  }

  /** What is in scope for the content of the top-level element. */
  contentScope(): StreamScope {
    const prefixes = new Map<string, string>()
    for (const { prefix, namespace, depth } of this.declared) if (depth <= 1) prefixes.set(prefix, namespace)
    return { defaultNamespace: this.defaults[1]!, prefixes }
  }

  private takeDeclarations(b: Buffer, tag: Tag, depth: number): void {
    for (let k = 0; k < tag.count; k++) {
      const span = tag.spans[k]!
      if ((span.flags & DECLARES) === 0) continue
      const namespace = valueText(b, span)
      if ((span.flags & DECLARES_PREFIX) !== 0) this.declarePrefix(b, span, namespace, depth)
      else this.declareDefault(namespace, depth)
    }
  }

  private declareDefault(namespace: string, depth: number): void {
    if (isReserved(namespace)) refuse('namespace-reserved')
    // On a child, naming the namespace that is inherited would be wrong under another content namespace.
    if (
      depth > 1 &&
      isContent(namespace) &&
      (namespace !== NS.client || isContent(this.defaults[depth - 1]!))
    )
      this.rewrite = true
    this.defaults[depth] = namespace
  }

  private declarePrefix(b: Buffer, span: Span, namespace: string, depth: number): void {
    const prefix = nameText(b, span.colon + 1, span.nameEnd)
    if (prefix === 'xmlns') refuse('prefix-reserved')
    if (prefix === 'xml') {
      if (namespace !== NS.xml) refuse('prefix-reserved')
      return
    }
    if (isReserved(namespace)) refuse('namespace-reserved')
    // Namespaces in XML 1.0 §5: only version 1.1 can take a prefix back.
    if (namespace === '') refuse('prefix-emptied')
    this.bind(prefix, namespace, depth)
  }

  private bind(prefix: string, namespace: string, depth: number): void {
    const binding = { prefix, namespace, depth, outer: this.bindings.get(prefix) }
    this.bindings.set(prefix, binding)
    this.declared.push(binding)
  }

  /** Prefixes of attributes are declared, and no two attributes have the same name in the same namespace. */
  private checkAttributes(b: Buffer, tag: Tag, depth: number): void {
    const seen: { span: Span; namespace: string }[] = []
    for (let k = 0; k < tag.count; k++) {
      const span = tag.spans[k]!
      if ((span.flags & PREFIXED) === 0) continue
      const namespace = this.lookup(nameText(b, span.name, span.colon), depth)
      // An element of the stream itself may have them: it goes nowhere.
      if (namespace === NS.stream && this.element !== NS.stream) refuse('stream-namespace')
      for (const other of seen)
        if (other.namespace === namespace && sameLocalName(b, other.span, span)) refuse('attribute-twice')
      seen.push({ span, namespace })
    }
  }
}

/** Whether stanzas live in this namespace: all three count as one, `jabber:client`, once a stanza is read. */
export function isContent(namespace: string): boolean {
  return namespace === NS.client || namespace === NS.server || namespace === NS.component
}

/** The namespace under which everything above the reader knows an element. */
export function canonical(namespace: string): string {
  return isContent(namespace) ? NS.client : namespace
}

function isReserved(namespace: string): boolean {
  return namespace === NS.xml || namespace === NS.xmlns
}

function sameLocalName(b: Buffer, one: Span, other: Span): boolean {
  return sameBytes(b, one.colon + 1, one.nameEnd, other.colon + 1, other.nameEnd)
}
