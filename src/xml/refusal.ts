import { type StreamCondition, StreamError } from './stream-error.ts'

/**
 * Why the reader refuses bytes: each rule by name, with the condition of the stream error that answers it (RFC 6120 §4.9.3) and a
 * text for the peer. The names are stable: tests, the fuzz and counters know them.
 */
const RULES = {
  // RFC 6120 §11.1: parts of XML that have no place in a stream
  comment: ['restricted-xml', 'comments are not allowed'],
  'processing-instruction': ['restricted-xml', 'processing instructions are not allowed'],
  doctype: ['restricted-xml', 'a document type declaration is not allowed'],
  'entity-reference': ['restricted-xml', 'only the five predefined entities are allowed'],

  // XML 1.0
  markup: ['not-well-formed', 'this is no markup'],
  name: ['not-well-formed', 'a name is missing or holds a character that names may not hold'],
  tag: ['not-well-formed', 'a tag is malformed'],
  'attribute-space': ['not-well-formed', 'white space is missing between attributes'],
  'attribute-value': ['not-well-formed', 'an attribute has no value in quotes'],
  'attribute-less-than': ['not-well-formed', "'<' in an attribute value"],
  'attribute-twice': ['not-well-formed', 'an attribute occurs twice in one tag'],
  'end-tag': ['not-well-formed', 'an end tag does not match its start tag'],
  character: ['not-well-formed', 'a character that XML does not allow'],
  'character-reference': ['not-well-formed', 'a reference to a character that XML does not allow'],
  reference: ['not-well-formed', "'&' does not start a reference"],
  'section-end': ['not-well-formed', "']]>' in text"],
  // RFC 6120 §11.6
  utf8: ['unsupported-encoding', 'this is not UTF-8'],

  // Namespaces in XML 1.0
  'prefix-undeclared': ['not-well-formed', 'a prefix is not declared'],
  'prefix-emptied': ['not-well-formed', 'a prefix is declared with an empty namespace'],
  'prefix-reserved': ['not-well-formed', "the prefixes 'xml' and 'xmlns' can't be redefined or used so"],
  'namespace-reserved': ['not-well-formed', 'the namespaces of XML itself have fixed prefixes'],

  // RFC 6120 §4: the stream
  'header-name': ['bad-format', 'a stream starts with <stream:stream>'],
  'frame-header': ['bad-format', 'a framed stream starts with <open/>'],
  'header-declaration': ['not-well-formed', 'the XML declaration is malformed'],
  'header-encoding': ['unsupported-encoding', 'UTF-8 is the only encoding'],
  'header-namespace': ['invalid-namespace', 'this is not the namespace of a stream'],
  'header-content': ['invalid-namespace', 'this default namespace does not belong here'],
  // RFC 6120 §4.8.5
  'header-prefix': ['bad-namespace-prefix', "the prefix of the stream namespace is 'stream'"],
  // RFC 6120 §11.6: U+FEFF is a zero width no-break space wherever it occurs, so here it is text before the root
  'byte-order-mark': ['not-well-formed', 'a byte order mark is not allowed'],
  'text-between': ['bad-format', 'text between stanzas'],
  'stream-namespace': ['bad-format', 'the stream namespace inside a stanza'],
  'stream-nested': ['bad-format', 'a stream inside a stream'],
  'other-content': ['invalid-namespace', 'a stanza of another content namespace'],
  // RFC 6120 §4.8.5
  'content-prefix': ['bad-namespace-prefix', 'a prefix on an element of the content namespace'],

  // Limits
  'stanza-bytes': ['policy-violation', 'too many bytes in one stanza'],
  depth: ['policy-violation', 'elements are nested too deeply'],
  attributes: ['policy-violation', 'too many attributes'],
  children: ['policy-violation', 'too many elements in one stanza'],
  'name-bytes': ['policy-violation', 'a name is too long'],
  'reference-bytes': ['policy-violation', 'a reference is too long'],
} as const satisfies Record<string, readonly [StreamCondition, string]>

/** The name of a rule that the reader enforces. */
export type Rule = keyof typeof RULES

/** Ends the stream: throws the `StreamError` of this rule. */
export function refuse(rule: Rule): never {
  const [condition, text] = RULES[rule]
  throw new StreamError(condition, text, rule)
}

/** The condition with which each rule is answered. */
export function conditionOf(rule: Rule): StreamCondition {
  return RULES[rule][0]
}
