import type { SaslContext } from '../auth/sasl.ts'
import { tlsBinding } from '../tls/channel-binding.ts'
import { xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import { bind } from './bind.ts'
import { Ended } from './connection.ts'
import { EarlyRequests } from './early-requests.ts'
import { bindFeatures, featuresKey, type Offer, offerFor, signInFeatures } from './features.ts'
import { proceedInline } from './inline.ts'
import { openStream } from './open-stream.ts'
import type { NegotiationOptions, TlsPolicy } from './options.ts'
import { sasl, sasl2 } from './sasl-forms.ts'
import type { SessionParts } from './session-parts.ts'
import { type SignedIn, SignIn } from './sign-in.ts'
import type { Stream } from './stream.ts'

/**
 * Everything from the first byte to a running session: RFC 6120 §4.3. Resolves when the session has taken over the connection;
 * rejects with the StreamError to close the stream with, or with Ended when it has ended already.
 */
export async function negotiate(
  stream: Stream,
  policy: TlsPolicy,
  options: NegotiationOptions,
  parts: SessionParts,
): Promise<void> {
  const { limits, log, router } = options

  // RFC 6120 §5, §6: STARTTLS, after which everything begins anew, and SASL, as often as the client may try; and what extensions
  // answer before sign-in.
  let phase = await offerSignIn(stream, policy, options)
  let signedIn: SignedIn | undefined
  while (signedIn === undefined) {
    const element = await stream.element()
    const { signIn, requests } = phase
    if (signIn.exclusive) signedIn = await signIn.take(element)
    else if (isStartTls(element)) {
      await startTls(stream, phase, options)
      phase = await offerSignIn(stream, policy, options)
    } else if (!(await requests?.take(element))) signedIn = await signIn.take(element)
  }
  const { account, form, data } = signedIn
  log.debug({ account, address: stream.connection.address }, 'signed in')
  stream.reader.limits = limits.reader

  // XEP-0388 §2.6.1: whatever the client has asked for at once, on the same stream.
  if (form === sasl2) return proceedInline(stream, signedIn, options, parts)

  // RFC 6120 §6.4.6: a new stream after success.
  stream.send(form.success(data, account))
  stream.restart()
  await openStream(stream, router, account)
  const host = router.host(account.domain)
  stream.sendFeatures(featuresKey(host), () => bindFeatures(limits.reader.stanzaBytes, host?.streamFeatures))

  // RFC 6120 §7
  await bind({ stream, account, router, parts, attempts: limits.attempts })
}

/** A stream before sign-in. */
interface SignInPhase {
  readonly host: string
  readonly offer: Offer
  readonly signIn: SignIn
  /** Absent where TLS has to come first: then nothing is answered. */
  readonly requests: EarlyRequests | undefined
}

/** Opens the stream and names the features of the time before sign-in. */
async function offerSignIn(
  stream: Stream,
  policy: TlsPolicy,
  options: NegotiationOptions,
): Promise<SignInPhase> {
  const { router, accounts, limits, log } = options
  const { host, from } = await openStream(stream, router)
  const socket = stream.connection.tls
  const tls = socket && tlsBinding(socket)
  const offer = offerFor(policy, tls, limits)
  // XEP-0388 §2.1: of another domain than the one that the stream is to.
  if (offer.sasl2 && from !== undefined && from.domain !== host) throw new StreamError('invalid-from')
  const context: SaslContext = { host, accounts, offered: offer, tls }
  const tlsFirst = offer.tls === 'required'
  const served = router.host(host)
  const hooks = tlsFirst ? undefined : served?.hooks
  stream.sendFeatures(featuresKey(served, offer), () => signInFeatures(offer, limits, served?.hooks))
  const signIn = new SignIn(stream, {
    context,
    forms: limits.sasl2 ? [sasl, sasl2] : [sasl],
    tlsFirst: form => (form === sasl2 ? !offer.sasl2 : tlsFirst),
    from,
    attempts: limits.attempts,
    queue: options.signIns,
    log,
  })
  const requests = hooks && new EarlyRequests(stream, { host, hooks, attempts: limits.attempts, log })
  return { host, offer, signIn, requests }
}

function isStartTls(element: TopElement): boolean {
  return element.name === 'starttls' && element.ns === NS.tls
}

/** RFC 6120 §5.4: encrypts the connection and makes ready for a new stream. */
async function startTls(
  stream: Stream,
  { host, offer }: SignInPhase,
  options: NegotiationOptions,
): Promise<void> {
  if (offer.tls === undefined) {
    // RFC 6120 §5.4.2.2: asked for where it was not offered: the stream ends.
    stream.send(xml('failure', { xmlns: NS.tls }))
    stream.close()
    throw new Ended()
  }
  stream.send(xml('proceed', { xmlns: NS.tls }))
  // RFC 6120 §5.4.3.3: what was sent in the clear and not read yet must not be taken for a part of the encrypted stream.
  stream.reader.discard()
  const { certificates } = options
  await stream.connection.startTls({ secureContext: certificates.secureContext(host), sni: certificates.sni })
  stream.restart()
}
