/** Stream features: what the client may negotiate next (RFC 6120 §4.3.2). */
import { channelBindings, mechanisms, type SaslTls } from '../auth/sasl.ts'
import { type Element, xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { TlsPolicy } from './options.ts'

/** What a stream offers before sign-in. */
export interface Offer {
  readonly tls: 'required' | 'offered' | undefined
  /** SASL mechanisms, most preferred first; none where TLS has to come first. */
  readonly mechanisms: readonly string[]
  readonly channelBindings: readonly string[]
}

/** What to offer on a stream of a listener with this policy; `tls` once the stream is encrypted. */
export function offerFor(policy: TlsPolicy, tls: SaslTls | undefined): Offer {
  const bindings = channelBindings(tls)
  if (tls === undefined && policy === 'required')
    return { tls: policy, mechanisms: [], channelBindings: bindings }
  const plainWithoutTls = policy === 'offered' || policy === 'off'
  return {
    // XEP-0368 §2, RFC 6120 §5.3.3: not over TLS.
    tls: tls === undefined && policy === 'offered' ? policy : undefined,
    mechanisms: mechanisms({ tls: tls !== undefined, plainWithoutTls, channelBindings: bindings }),
    channelBindings: bindings,
  }
}

/** The features before sign-in; `added` are those of extensions. */
export function signInFeatures(offer: Offer, stanzaBytes: number, added: Element[]): Element {
  return xml(
    'stream:features',
    {},
    // RFC 6120 §5.3.1: <required/> where nothing else can be done.
    offer.tls && xml('starttls', { xmlns: NS.tls }, offer.tls === 'required' && xml('required')),
    offer.mechanisms.length > 0 &&
      xml(
        'mechanisms',
        { xmlns: NS.sasl },
        offer.mechanisms.map(name => xml('mechanism', {}, name)),
      ),
    // XEP-0440 §2: next to the mechanisms, and never empty.
    offer.channelBindings.length > 0 &&
      xml(
        'sasl-channel-binding',
        { xmlns: NS.channelBindings },
        offer.channelBindings.map(type => xml('channel-binding', { type })),
      ),
    streamLimits(stanzaBytes),
    added,
  )
}

/** The features after sign-in; `added` are those of extensions. */
export function bindFeatures(stanzaBytes: number, added: Element[] = []): Element {
  return xml(
    'stream:features',
    {},
    // RFC 6120 §7.4
    xml('bind', { xmlns: NS.bind }),
    // COMPAT clients of RFC 3921 §3: they ask for a session if they see this; <optional/> tells the others that nothing depends on it.
    xml('session', { xmlns: NS.session }, xml('optional')),
    xml('sm', { xmlns: NS.streamManagement }),
    // XEP-0352 §4.1
    xml('csi', { xmlns: NS.clientState }),
    streamLimits(stanzaBytes),
    added,
  )
}

/** XEP-0478 §3.1. There is no idle-seconds: an idle stream is never closed, since TCP finds out whether its peer is alive. */
function streamLimits(stanzaBytes: number): Element | false {
  return (
    stanzaBytes !== Number.POSITIVE_INFINITY &&
    xml('limits', { xmlns: NS.streamLimits }, xml('max-bytes', {}, String(stanzaBytes)))
  )
}
