import { NS } from '../../src/xml/ns.ts'
import type { ReaderLimits } from '../../src/xml/reader.ts'
import type { Opinion } from './expat.ts'

/** Default namespaces that a header may declare, as flags. */
const DEFAULTS = new Set([`declares:=${NS.client}`, `declares:=${NS.stream}`, 'declares:='])

type Test = (expat: Opinion, document: string, limits: ReaderLimits) => boolean

const flagged =
  (flag: string): Test =>
  ({ flags }) =>
    flags.has(flag)

/**
 * The rules by which the reader refuses what is well-formed XML, each with a look, by other means, at whether the document breaks it.
 * A rule that is not here must never refuse what libexpat accepts.
 */
const STRICTER: Readonly<Record<string, Test>> = {
  comment: flagged('comment'),
  'processing-instruction': flagged('processing-instruction'),
  doctype: flagged('doctype'),
  'text-between': (expat, document) => expat.flags.has('text-between') || document.includes('&#'),
  'stream-namespace': flagged('stream-namespace'),
  'stream-nested': flagged('stream-nested'),
  'content-prefix': flagged('content-prefix'),
  'other-content': flagged('other-content'),
  'byte-order-mark': (_, document) => document.startsWith('\xef\xbb\xbf'),
  'header-name': ({ root }) => root.split('\x01')[1] !== 'stream',
  'header-namespace': ({ root }) => root.split('\x01')[0] !== NS.stream,
  'header-prefix': ({ root, flags }) => {
    const [ns, name, prefix = ''] = root.split('\x01')
    if (ns === NS.stream) return prefix !== '' && prefix !== 'stream'
    return name === 'stream' && prefix === '' && flags.has(`declares:stream=${NS.stream}`)
  },
  'header-content': ({ flags }) =>
    [...flags].some(flag => flag.startsWith('declares:=') && !DEFAULTS.has(flag)),
  'header-encoding': ({ flags }) =>
    [...flags].some(
      flag => flag.startsWith('encoding:') && flag !== 'encoding:' && flag.toUpperCase() !== 'ENCODING:UTF-8',
    ),
  'header-declaration': ({ flags }) =>
    [...flags].some(flag => flag.startsWith('version:') && flag !== 'version:1.0'),
  'stanza-bytes': (_, document, limits) => document.length > limits.stanzaBytes,
  depth: (expat, _, limits) => expat.depth > limits.depth,
  attributes: (expat, _, limits) => expat.attributes > limits.attributes,
  children: (expat, _, limits) => expat.elements > limits.children,
  'name-bytes': (expat, _, limits) => expat.name > limits.nameBytes,
  'reference-bytes': (_, document) => /&[^;]{31}/.test(document),
}

/** Rules for which a document that breaks them must be refused: the others look at more than a rule does. */
const CERTAIN = [
  'comment',
  'processing-instruction',
  'doctype',
  'stream-namespace',
  'stream-nested',
  'content-prefix',
  'other-content',
  'byte-order-mark',
  'header-name',
  'header-namespace',
  'header-prefix',
  'header-content',
  'header-encoding',
  'header-declaration',
  'depth',
  'children',
  'attributes',
]

/** The rule that a document breaks which the reader accepts. */
export function ruleOverlooked(expat: Opinion, document: string, limits: ReaderLimits): string | undefined {
  return CERTAIN.find(rule => isBroken(rule, expat, document, limits))
}

/** Whether a document that libexpat accepts really breaks the rule. */
export function isBroken(rule: string, expat: Opinion, document: string, limits: ReaderLimits): boolean {
  return STRICTER[rule]?.(expat, document, limits) ?? false
}
