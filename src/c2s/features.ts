/** Stream features: what the client may negotiate next (RFC 6120 §4.3.2). */
import { channelBindings, mechanisms, type SaslTls } from '../auth/sasl.ts'
import type { Hooks } from '../core/hooks.ts'
import type { Host } from '../core/host.ts'
import { type Child, type Element, xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { C2sLimits, TlsPolicy } from './options.ts'
import type { ManagementLimits } from './resumption.ts'

/** What a stream offers before sign-in. */
export interface Offer {
  readonly tls: 'required' | 'offered' | undefined
  /** SASL mechanisms, most preferred first; none where TLS has to come first. */
  readonly mechanisms: readonly string[]
  readonly channelBindings: readonly string[]
  /** The same mechanisms in the form of XEP-0388. */
  readonly sasl2: boolean
}

/** What to offer on a stream of a listener with this policy; `tls` once the stream is encrypted. */
export function offerFor(
  policy: TlsPolicy,
  tls: SaslTls | undefined,
  { sasl2 }: Pick<C2sLimits, 'sasl2'>,
): Offer {
  const bindings = channelBindings(tls)
  if (tls === undefined && policy === 'required')
    return { tls: policy, mechanisms: [], channelBindings: bindings, sasl2: false }
  const plainWithoutTls = policy === 'offered' || policy === 'off'
  return {
    // XEP-0368 §2, RFC 6120 §5.3.3: not over TLS.
    tls: tls === undefined && policy === 'offered' ? policy : undefined,
    mechanisms: mechanisms({ tls: tls !== undefined, plainWithoutTls, channelBindings: bindings }),
    channelBindings: bindings,
    // XEP-0388 §3: only after TLS, where that is to be had; not where it is none of ours (WebSocket, a proxy that encrypts).
    sasl2: sasl2 && (tls !== undefined || policy === 'off'),
  }
}

/** What features depend on: the extensions of the host and their options, and before sign-in what is offered. */
export function featuresKey(host: Host | undefined, offer?: Offer): string {
  return `${host?.domain} ${host?.revision} ${JSON.stringify(offer)}`
}

/** The features before sign-in; `hooks`: those of the host. */
export function signInFeatures(offer: Offer, limits: C2sLimits, hooks: Hooks | undefined): Element {
  return xml(
    'stream:features',
    {},
    // RFC 6120 §5.3.1: <required/> where nothing else can be done.
    offer.tls && xml('starttls', { xmlns: NS.tls }, offer.tls === 'required' && xml('required')),
    offer.mechanisms.length > 0 && xml('mechanisms', { xmlns: NS.sasl }, mechanismList(offer)),
    offer.sasl2 &&
      // XEP-0388 §2.1
      xml(
        'authentication',
        { xmlns: NS.sasl2 },
        mechanismList(offer),
        xml('inline', {}, inlineFeatures(limits.management, hooks)),
      ),
    // XEP-0440 §2: next to the mechanisms, and never empty.
    offer.channelBindings.length > 0 &&
      xml(
        'sasl-channel-binding',
        { xmlns: NS.channelBindings },
        offer.channelBindings.map(type => xml('channel-binding', { type })),
      ),
    streamLimits(limits.stanzaBytesBeforeSignIn),
    // RFC 6120 §5.3.1: nothing else where TLS has to come first.
    offer.tls === 'required' ? [] : (hooks?.featuresBeforeSignIn() ?? []),
  )
}

function mechanismList({ mechanisms }: Offer): Element[] {
  return mechanisms.map(name => xml('mechanism', {}, name))
}

/** What may be asked for along with signing in: XEP-0388 §2.1. */
function inlineFeatures(management: ManagementLimits, hooks: Hooks | undefined): Element[] {
  const features = [NS.clientState, NS.streamManagement, ...(hooks?.bindingFeatures() ?? [])]
  return [
    // XEP-0198 §9.2
    ...(management.resumeSeconds > 0 ? [xml('sm', { xmlns: NS.streamManagement })] : []),
    // XEP-0386 §3.1
    xml(
      'bind',
      { xmlns: NS.bind2 },
      xml(
        'inline',
        {},
        features.map(name => xml('feature', { var: name })),
      ),
    ),
  ]
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
    sessionFeatures(stanzaBytes, added),
  )
}

/** The features of a stream that has a resource; `managed` by XEP-0198 already. */
export function boundFeatures(stanzaBytes: number, managed: boolean, added: Element[] = []): Element {
  return xml(
    'stream:features',
    {},
    !managed && xml('sm', { xmlns: NS.streamManagement }),
    sessionFeatures(stanzaBytes, added),
  )
}

function sessionFeatures(stanzaBytes: number, added: Element[]): Child[] {
  // XEP-0352 §4.1
  return [xml('csi', { xmlns: NS.clientState }), streamLimits(stanzaBytes), ...added]
}

/** XEP-0478 §3.1. There is no idle-seconds: an idle stream is never closed, since TCP finds out whether its peer is alive. */
function streamLimits(stanzaBytes: number): Element | false {
  return (
    stanzaBytes !== Number.POSITIVE_INFINITY &&
    xml('limits', { xmlns: NS.streamLimits }, xml('max-bytes', {}, String(stanzaBytes)))
  )
}
