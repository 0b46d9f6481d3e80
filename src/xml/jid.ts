/** Addresses: RFC 7622. A JID is prepared (case, width, normal form), checked and immutable from the moment it exists. */

import { growingCache } from './cache.ts'
import { prepareDomain } from './domain.ts'
import { escapeValue } from './escape.ts'
import { opaqueString, PrecisError, usernameCaseMapped } from './precis.ts'

/** Which part of an address an error is about. */
export type JIDPart = 'localpart' | 'domainpart' | 'resourcepart'

/** Text that is no address. The message says which part and why, and never repeats the text itself. */
export class JIDError extends Error {
  readonly part: JIDPart

  constructor(part: JIDPart, why: string) {
    super(`${part} ${why}`)
    this.name = 'JIDError'
    this.part = part
  }
}

/** RFC 7622 §3.2, §3.3, §3.4: no part is longer than 1023 octets (of UTF-8). */
const MAX_PART_BYTES = 1023
/** In UTF-16 units. Normal form C makes two bytes or more of at most three units, so nothing longer than this can become short enough. */
const MAX_RAW_LENGTH = 2 * MAX_PART_BYTES

/** Localparts that no rule of PRECIS changes, except for case: printable ASCII without the characters of RFC 7622 §3.3.1. */
const PLAIN_LOCAL = /^[!#-%(-.0-9;=?A-Z[-~]+$/
const EXCLUDED_FROM_LOCAL = /["&'/:<>@]/
/** Resourceparts that no rule of PRECIS changes. */
const PLAIN_RESOURCE = /^[ -~]+$/

/**
 * Memo of `JID.parse`: the one mutable thing at module level. It is allowed because it can't be observed: parsing is pure,
 * the results are immutable, and the size is bounded (long texts are not kept, so a stranger can't fill it with kilobytes).
 */
const parsed = growingCache<string, JID>(16_384)
const MAX_MEMO_LENGTH = 256

/**
 * An address, `local@domain/resource`; parts that are absent are `''`. Compare with `equals`, use `toString()` as the key of a map.
 * Instances come from `parse` and `of` only, so that whoever holds one need not check it again.
 */
export class JID {
  readonly local: string
  readonly domain: string
  readonly resource: string
  /** The address without its resource; itself when it has none. */
  readonly bare: JID
  private readonly text: string
  private value: string | undefined

  private constructor(local: string, domain: string, resource: string, text: string, bare: JID | undefined) {
    this.local = local
    this.domain = domain
    this.resource = resource
    this.text = text
    this.value = undefined
    this.bare = bare ?? this
  }

  /** The same as `parse()`; undefined for what is no address. */
  static tryParse(text: string): JID | undefined {
    try {
      return JID.parse(text)
    } catch (error) {
      if (error instanceof JIDError) return undefined
      throw error
    }
  }

  /** Parses and prepares an address (RFC 7622 §3). Throws `JIDError`. */
  static parse(text: string): JID {
    const known = parsed.get(text)
    if (known !== undefined) return known
    // RFC 7622 §3.1: the first '/' starts the resourcepart, and only then the first '@' ends the localpart.
    const slash = text.indexOf('/')
    const bareText = slash < 0 ? text : text.slice(0, slash)
    const at = bareText.indexOf('@')
    if (at === 0) throw new JIDError('localpart', 'is empty')
    if (slash === text.length - 1 && slash >= 0) throw new JIDError('resourcepart', 'is empty')
    const local = at < 0 ? '' : bareText.slice(0, at)
    const jid = JID.of(local, bareText.slice(at + 1), slash < 0 ? '' : text.slice(slash + 1))
    remember(text, jid)
    return jid
  }

  /** Builds an address of parts, prepared and checked like `parse` does; `''` leaves a part out. Throws `JIDError`. */
  static of(local: string, domain: string, resource = ''): JID {
    const preparedDomain = prepare('domainpart', domain, prepareDomain)
    const preparedLocal = local === '' ? '' : prepare('localpart', local, prepareLocal)
    const bareText = preparedLocal === '' ? preparedDomain : `${preparedLocal}@${preparedDomain}`
    let bare = parsed.get(bareText)
    if (bare === undefined) {
      bare = new JID(preparedLocal, preparedDomain, '', bareText, undefined)
      remember(bareText, bare)
    }
    return bare.withResource(resource)
  }

  get isBare(): boolean {
    return this.resource === ''
  }

  /** The same account or host with this resource (prepared and checked); the bare address for `''`. Throws `JIDError`. */
  withResource(resource: string): JID {
    if (resource === '') return this.bare
    const prepared = prepare('resourcepart', resource, prepareResource)
    return new JID(this.local, this.domain, prepared, `${this.bare.text}/${prepared}`, this.bare)
  }

  equals(other: JID): boolean {
    return this === other || this.text === other.text
  }

  toString(): string {
    return this.text
  }

  /** The text as the value of an attribute, for quotes of either kind. */
  toValue(): string {
    this.value ??= escapeValue(this.text)
    return this.value
  }

  /** Lets a JID stand in JSON (logs, REST answers, stored records) as its text. */
  toJSON(): string {
    return this.text
  }
}

function remember(text: string, jid: JID): void {
  if (text.length <= MAX_MEMO_LENGTH) parsed.set(text, jid)
}

function prepare(part: JIDPart, text: string, rules: (text: string) => string): string {
  if (text === '') throw new JIDError(part, 'is empty')
  if (text.length > MAX_RAW_LENGTH) throw new JIDError(part, `is longer than ${MAX_PART_BYTES} bytes`)
  let prepared: string
  try {
    prepared = rules(text)
  } catch (error) {
    if (!(error instanceof PrecisError)) throw error
    const { message, codePoint } = error
    throw new JIDError(part, codePoint === undefined ? message : `${message}: ${nameOf(codePoint)}`)
  }
  // RFC 7622 §3.2-3.4: neither empty nor longer than 1023 octets, after all the rules.
  if (prepared === '') throw new JIDError(part, 'is empty')
  if (Buffer.byteLength(prepared) > MAX_PART_BYTES)
    throw new JIDError(part, `is longer than ${MAX_PART_BYTES} bytes`)
  return prepared
}

function nameOf(codePoint: number): string {
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`
}

/** RFC 7622 §3.3: the UsernameCaseMapped profile, and eight characters that it allows but an address does not. */
function prepareLocal(text: string): string {
  if (PLAIN_LOCAL.test(text)) return text.toLowerCase()
  const prepared = usernameCaseMapped(text)
  // RFC 7622 §3.3.1: looked for after mapping, since a full-width '@' has become a plain one by now.
  const excluded = EXCLUDED_FROM_LOCAL.exec(prepared)
  if (excluded !== null)
    throw new PrecisError('contains a character that is not allowed', excluded[0].charCodeAt(0))
  return prepared
}

/** RFC 7622 §3.4: the OpaqueString profile. */
function prepareResource(text: string): string {
  return PLAIN_RESOURCE.test(text) ? text : opaqueString(text)
}
