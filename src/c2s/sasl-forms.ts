/** How SASL is put into elements: RFC 6120 §6, and XEP-0388 ("SASL2"). Both carry the same exchange. */
import { decodeBase64, decodeSasl, encodeSasl, type SaslCondition, SaslError } from '../auth/sasl.ts'
import { type Element, xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'

/** What a client says while it signs in. */
export type SaslMessage =
  /** `data` is the initial response, if there is one. */
  | { readonly kind: 'begin'; readonly mechanism: string; readonly data: Buffer | undefined }
  | { readonly kind: 'response'; readonly data: Buffer }
  | { readonly kind: 'abort' }

/** A form of SASL in XMPP. It holds no state. */
export interface SaslForm {
  readonly namespace: string
  /** While an exchange is under way its client may send nothing else. */
  readonly exclusive: boolean
  /** What an element of the namespace says. Throws a SaslError. */
  read(element: TopElement): SaslMessage
  challenge(data: Buffer | undefined): Element
  failure(condition: SaslCondition, text: string | undefined): Element
  /** `jid`: whom the client has proven to be; `results` of what it has asked for along with that. */
  success(data: Buffer | undefined, jid: JID, results?: readonly Element[]): Element
}

/** RFC 6120 §6.4 */
export const sasl: SaslForm = {
  namespace: NS.sasl,
  exclusive: false,
  read(element) {
    switch (element.name) {
      // RFC 6120 §6.4.2
      case 'auth':
        return {
          kind: 'begin',
          mechanism: element.attribute('mechanism') ?? '',
          data: decodeSasl(element.text()),
        }
      // RFC 6120 §6.4.3
      case 'response':
        return { kind: 'response', data: decodeSasl(element.text()) ?? Buffer.alloc(0) }
      // RFC 6120 §6.4.4
      case 'abort':
        return { kind: 'abort' }
      default:
        throw new SaslError('malformed-request')
    }
  },
  challenge: data => xml('challenge', { xmlns: NS.sasl }, encodeSasl(data) || undefined),
  failure: (condition, text) =>
    xml(
      'failure',
      { xmlns: NS.sasl },
      xml(condition),
      text !== undefined && xml('text', { 'xml:lang': 'en' }, text),
    ),
  success: data => xml('success', { xmlns: NS.sasl }, encodeSasl(data) || undefined),
}

/** XEP-0388 §2 */
export const sasl2: SaslForm = {
  namespace: NS.sasl2,
  // XEP-0388 §2.4: clients "MUST send only <response/> elements as appropriate or an <abort/> element".
  exclusive: true,
  read(element) {
    switch (element.name) {
      // XEP-0388 §2.3
      case 'authenticate': {
        const initial = element.child('initial-response', NS.sasl2)
        return {
          kind: 'begin',
          mechanism: element.attribute('mechanism') ?? '',
          data: initial && decodeData(initial.getText()),
        }
      }
      // XEP-0388 §2.5
      case 'response':
        return { kind: 'response', data: decodeData(element.text()) }
      // XEP-0388 §4.5
      case 'abort':
        return { kind: 'abort' }
      // XEP-0388 §2.6.3: <next/> and <task-data/> too, since no sign-in goes on with tasks here.
      default:
        throw new SaslError('malformed-request')
    }
  },
  challenge: data => xml('challenge', { xmlns: NS.sasl2 }, data?.toString('base64')),
  // XEP-0388 §2.6.2: the conditions are those of RFC 6120.
  failure: (condition, text) =>
    xml(
      'failure',
      { xmlns: NS.sasl2 },
      xml(condition, { xmlns: NS.sasl }),
      text !== undefined && xml('text', {}, text),
    ),
  // XEP-0388 §2.6.1
  success: (data, jid, results = []) =>
    xml(
      'success',
      { xmlns: NS.sasl2 },
      data && xml('additional-data', {}, data.toString('base64')),
      xml('authorization-identifier', {}, jid.toString()),
      [...results],
    ),
}

/** XEP-0388 §2.2: there "SHOULD NOT" be white space; its examples have it around the data. No element is an empty string. */
function decodeData(text: string): Buffer {
  return decodeBase64(text.replace(/[ \t\r\n]/g, ''))
}
