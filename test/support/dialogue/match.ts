/** Compares what was received with what a dialogue expects: exactly, except for placeholders. */
import { NS } from '../../../src/xml/ns.ts'
import { matches, show, type Values } from './placeholders.ts'
import { printXml, type XmlElement, type XmlEvent } from './xml.ts'

/** Whatever else an element may hold. */
const REST = '{...}'

/** Where and how two elements differ first, or undefined when they match. Values are captured only when all of it matches. */
export function difference(expected: XmlElement, actual: XmlElement, values: Values): string | undefined {
  const captured: Values = new Map(values)
  const found = compare(expected, actual, captured, expected.name)
  if (found === undefined) for (const [name, value] of captured) values.set(name, value)
  return found
}

/** The same for events of a stream. */
export function eventDifference(expected: XmlEvent, actual: XmlEvent, values: Values): string | undefined {
  if (expected.kind === 'close' || actual.kind === 'close')
    return expected.kind === actual.kind
      ? undefined
      : `the stream ${actual.kind === 'close' ? 'ends' : 'goes on'}`
  if (expected.kind !== actual.kind) return `one is a stream header, the other is not`
  return difference(expected.element, actual.element, values)
}

function compare(expected: XmlElement, actual: XmlElement, values: Values, path: string): string | undefined {
  if (expected.name !== actual.name) return `${path}: the element is <${actual.name}>`
  if (!matches(expected.namespace, actual.namespace, values))
    return `${path}: the namespace is "${actual.namespace}"`
  for (const [name, pattern] of expected.attributes) {
    const value = actual.attributes.get(name)
    if (value === undefined) return `${path}: attribute ${name} is missing`
    if (!matches(pattern, value, values))
      return `${path}: attribute ${name} is "${value}", expected "${show(pattern, values)}"`
  }
  for (const name of actual.attributes.keys())
    if (!expected.attributes.has(name)) return `${path}: attribute ${name} is not expected`
  return compareChildren(expected, actual, values, path)
}

function compareChildren(
  expected: XmlElement,
  actual: XmlElement,
  values: Values,
  path: string,
): string | undefined {
  const wanted = expected.children
  const found =
    isError(actual) && !wanted.some(isText)
      ? actual.children.filter(child => !isText(child))
      : actual.children
  // Text on its own may be no text at all: `{any}` matches that too.
  if (!wanted.some(isElement) && !found.some(isElement)) {
    const [pattern, text] = [wanted.join(''), found.join('')]
    if (pattern === REST || matches(pattern, text, values)) return undefined
    return `${path}: the text is "${text}", expected "${show(pattern, values)}"`
  }
  for (const [i, child] of wanted.entries()) {
    if (child === REST) return undefined
    const other = found[i]
    if (other === undefined) return `${path}: ${describe(child)} is missing`
    const differs = compareChild(child, other, values, path)
    if (differs !== undefined) return differs
  }
  const extra = found[wanted.length]
  return extra === undefined ? undefined : `${path}: ${describe(extra)} is not expected`
}

function isElement(child: XmlElement | string): child is XmlElement {
  return typeof child !== 'string'
}

/** RFC 6120 §4.9.2, §6.5, §8.3.2, XEP-0388 §2.6.2: where a text for people may stand. Its wording is no matter of protocol: compared only if a dialogue has one. */
function isError({ name, namespace }: XmlElement): boolean {
  return (
    (name === 'error' && (namespace === NS.client || namespace === NS.stream)) ||
    (name === 'failure' && (namespace === NS.sasl || namespace === NS.sasl2))
  )
}

function isText(child: XmlElement | string): boolean {
  return isElement(child) && child.name === 'text'
}

function compareChild(
  expected: XmlElement | string,
  actual: XmlElement | string,
  values: Values,
  path: string,
): string | undefined {
  if (typeof expected === 'string' || typeof actual === 'string') {
    const same =
      typeof expected === 'string' && typeof actual === 'string' && matches(expected, actual, values)
    return same ? undefined : `${path}: ${describe(actual)} where ${describe(expected)} is expected`
  }
  return compare(expected, actual, values, `${path} > ${expected.name}`)
}

function describe(child: XmlElement | string): string {
  return typeof child === 'string' ? `the text "${child}"` : (printXml(child).split('\n', 1)[0] ?? '')
}
