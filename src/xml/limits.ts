/** Upper bounds on one tag. */
export interface TagLimits {
  /** Attributes of one element, declarations of namespaces included. */
  attributes: number
  /** Bytes of a name, or of its prefix. */
  nameBytes: number
}

/** Upper bounds on one top-level element. They may be changed between two elements. */
export interface ReaderLimits extends TagLimits {
  /** Bytes from the first '<' to the last '>'. */
  stanzaBytes: number
  /** Levels of elements, the top-level element included. */
  depth: number
  /** Elements at all levels together. */
  children: number
}

/** For bytes that were within limits when they came in. A small integer, not infinity: numbers of one sort keep the reader fast. */
const ANY = 0x3fff_ffff
export const TRUSTED_LIMITS: Readonly<ReaderLimits> = {
  stanzaBytes: ANY,
  depth: ANY,
  attributes: ANY,
  children: ANY,
  nameBytes: ANY,
}
