import { NS } from '../../src/xml/ns.ts'
import type { ReaderLimits } from '../../src/xml/reader.ts'
import type { Opinion } from './expat.ts'

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
  'header-prefix': ({ root }) => !root.endsWith('\x01stream\x01stream'),
  'header-content': ({ flags }) =>
    [...flags].some(flag => flag.startsWith('declares:=') && flag !== `declares:=${NS.client}`),
  'header-encoding': ({ flags }) =>
    [...flags].some(flag => flag.startsWith('encoding:') && flag.toUpperCase() !== 'ENCODING:UTF-8'),
  'header-declaration': ({ flags }) =>
    [...flags].some(flag => flag.startsWith('version:') && flag !== 'version:1.0'),
  'stanza-bytes': (_, document, limits) => document.length > limits.stanzaBytes,
  depth: (expat, _, limits) => expat.depth > limits.depth,
  attributes: (expat, _, limits) => expat.attributes > limits.attributes,
  children: (expat, _, limits) => expat.elements > limits.children,
  'name-bytes': (expat, _, limits) => expat.name > limits.nameBytes,
  'reference-bytes': (_, document) => /&[^;]{31}/.test(document),
}

/** Whether a document that libexpat accepts really breaks the rule. */
export function isBroken(rule: string, expat: Opinion, document: string, limits: ReaderLimits): boolean {
  return STRICTER[rule]?.(expat, document, limits) ?? false
}
