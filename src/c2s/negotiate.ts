import type { SaslContext } from '../auth/sasl.ts'
import type { Host } from '../core/host.ts'
import { tlsBinding } from '../tls/channel-binding.ts'
import { xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { bind } from './bind.ts'
import { Ended } from './connection.ts'
import { EarlyRequests } from './early-requests.ts'
import { bindFeatures, type Offer, offerFor, signInFeatures } from './features.ts'
import { openStream } from './open-stream.ts'
import type { C2sOptions, TlsPolicy } from './options.ts'
import type { SessionParts } from './session-parts.ts'
import { SignIn } from './sign-in.ts'
import type { Stream } from './stream.ts'

/**
 * Everything from the first byte to a running session: RFC 6120 §4.3. Resolves when the session has taken over the connection;
 * rejects with the StreamError to close the stream with, or with Ended when it has ended already.
 */
export async function negotiate(
  stream: Stream,
  policy: TlsPolicy,
  options: C2sOptions,
  parts: SessionParts,
): Promise<void> {
  const { limits, log, router } = options

  // RFC 6120 §5, §6: STARTTLS, after which everything begins anew, and SASL, as often as the client may try; and what extensions
  // answer before sign-in.
  let phase = await offerSignIn(stream, policy, options)
  let account: JID | undefined
  while (account === undefined) {
    const element = await stream.element()
    if (isStartTls(element)) {
      await startTls(stream, phase, options)
      phase = await offerSignIn(stream, policy, options)
    } else if (!(await phase.requests?.take(element))) account = await phase.signIn.take(element)
  }
  log.debug({ account, address: stream.connection.address }, 'signed in')

  // RFC 6120 §6.4.6: a new stream after success.
  stream.reader.limits = limits.reader
  stream.restart()
  await openStream(stream, router, account)
  const host = router.host(account.domain)
  stream.sendFeatures(featuresKey(host), () => bindFeatures(limits.reader.stanzaBytes, host?.streamFeatures))

  // RFC 6120 §7
  await bind(stream, account, router, parts, limits.attempts)
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
async function offerSignIn(stream: Stream, policy: TlsPolicy, options: C2sOptions): Promise<SignInPhase> {
  const { router, accounts, limits, log } = options
  const host = await openStream(stream, router)
  const socket = stream.connection.tls
  const tls = socket && tlsBinding(socket)
  const offer = offerFor(policy, tls)
  const context: SaslContext = { host, accounts, offered: offer, tls }
  const tlsFirst = offer.tls === 'required'
  const served = router.host(host)
  const hooks = tlsFirst ? undefined : served?.hooks
  stream.sendFeatures(featuresKey(served, offer), () =>
    signInFeatures(offer, limits.stanzaBytesBeforeSignIn, hooks?.featuresBeforeSignIn() ?? []),
  )
  return {
    host,
    offer,
    signIn: new SignIn(stream, { context, tlsFirst, attempts: limits.attempts, log }),
    requests: hooks && new EarlyRequests(stream, { host, hooks, attempts: limits.attempts, log }),
  }
}

/** What features depend on: the extensions of the host and their options, and before sign-in what is offered. */
function featuresKey(host: Host | undefined, offer?: Offer): string {
  return `${host?.domain} ${host?.revision} ${JSON.stringify(offer)}`
}

function isStartTls(element: TopElement): boolean {
  return element.name === 'starttls' && element.ns === NS.tls
}

/** RFC 6120 §5.4: encrypts the connection and makes ready for a new stream. */
async function startTls(stream: Stream, { host, offer }: SignInPhase, options: C2sOptions): Promise<void> {
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
