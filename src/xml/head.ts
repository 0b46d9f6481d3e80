import { decodeValue } from './decode.ts'
import type { Namespaces } from './namespaces.ts'
import { nameText } from './slices.ts'
import { DECLARES, ENCODED, PREFIXED, type Span, type Tag, WIDE, XML_PREFIXED } from './tag.ts'
import type { Attribute } from './top-element.ts'
import { word } from './vocabulary.ts'

/** The start tag of a top-level element, decoded. */
export interface Head {
  /** Without prefix. */
  name: string
  /** As the stream has it: not yet canonical. */
  ns: string
  /** `xml:lang` of the element itself. */
  lang: string | undefined
  attributes: Attribute[]
}

/** Up to this length all values are cut from one string; a longer string would stay in memory as long as any piece of it. */
const ONE_STRING_BYTES = 512

/** Decodes a start tag that `namespaces` has taken in. */
export function decodeHead(b: Buffer, tag: Tag, namespaces: Namespaces): Head {
  const attributes: Attribute[] = []
  const head: Head = {
    name: nameText(b, tag.colon < 0 ? tag.name : tag.colon + 1, tag.nameEnd),
    ns: namespaces.element,
    lang: undefined,
    attributes,
  }
  const values = new Values(b, tag)
  for (let k = 0; k < tag.count; k++) {
    const span = tag.spans[k]!
    if ((span.flags & DECLARES) !== 0) continue
    const name = nameText(b, span.name, span.nameEnd)
    const value = name === 'type' ? values.word(span) : values.text(span)
    if ((span.flags & XML_PREFIXED) !== 0 && name === 'xml:lang') head.lang = value
    if ((span.flags & PREFIXED) !== 0)
      declarePrefix(attributes, nameText(b, span.name, span.colon), namespaces)
    attributes.push({ name, value })
  }
  return head
}

/** The prefix of an attribute needs its declaration wherever the attribute goes. */
function declarePrefix(attributes: Attribute[], prefix: string, namespaces: Namespaces): void {
  const name = `xmlns:${prefix}`
  if (!attributes.some(known => known.name === name))
    attributes.push({ name, value: namespaces.lookup(prefix, 1) })
}

/** The values of one tag. */
class Values {
  private readonly b: Buffer
  private readonly start: number
  private readonly together: string | undefined

  constructor(b: Buffer, tag: Tag) {
    this.b = b
    this.start = tag.name
    const end = tag.count === 0 ? tag.name : tag.spans[tag.count - 1]!.valueEnd
    this.together = end - this.start > ONE_STRING_BYTES ? undefined : b.latin1Slice(this.start, end)
  }

  word(span: Span): string {
    return (span.flags & (ENCODED | WIDE)) === 0 ? word(this.b, span.value, span.valueEnd) : this.text(span)
  }

  text(span: Span): string {
    if ((span.flags & (ENCODED | WIDE)) === 0 && this.together !== undefined) {
      return this.together.slice(span.value - this.start, span.valueEnd - this.start)
    }
    const text = this.b.utf8Slice(span.value, span.valueEnd)
    return (span.flags & ENCODED) === 0 ? text : decodeValue(text)
  }
}
