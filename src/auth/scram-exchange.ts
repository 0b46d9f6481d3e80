import { randomUUID } from 'node:crypto'
import type { JID } from '../xml/jid.ts'
import { channelBinding } from './channel-bindings.ts'
import { accountOf } from './identity.ts'
import {
  downgradeHash,
  Scram,
  ScramError,
  type ScramErrorValue,
  type ScramHash,
  type ScramKeys,
} from './scram.ts'
import { type SaslCondition, type SaslContext, SaslError, type SaslStep } from './types.ts'

/** How a SCRAM error is told in XMPP, whose failures carry no server-final-message; the text is for people. */
const FAILURES: Readonly<Record<ScramErrorValue, readonly [SaslCondition, string?]>> = {
  'channel-binding-not-supported': ['malformed-request', 'Channel binding goes with a -PLUS mechanism.'],
  'channel-bindings-dont-match': [
    'not-authorized',
    'The channel bindings do not match: somebody may be in between.',
  ],
  'extensions-not-supported': [
    'malformed-request',
    'The message asks for an extension that is not known here.',
  ],
  'invalid-encoding': ['malformed-request'],
  'invalid-proof': ['not-authorized'],
  'other-error': ['not-authorized'],
  'server-does-support-channel-binding': [
    'not-authorized',
    'This server offered channel binding and the client did not see it: somebody may be in between.',
  ],
  'unsupported-channel-binding-type': ['not-authorized', 'This type of channel binding was not offered.'],
}

/** One sign-in by SCRAM: the messages of `Scram`, checked against an account. */
export class ScramExchange {
  private readonly context: SaslContext
  private readonly hash: ScramHash
  private readonly scram: Scram
  private account: { readonly jid: JID; readonly keys: ScramKeys } | undefined

  /** `mechanism` is one of `SCRAM-<hash>[-PLUS]` that the stream offered. */
  constructor(hash: ScramHash, mechanism: string, context: SaslContext) {
    const { offered, tls } = context
    this.context = context
    this.hash = hash
    this.scram = new Scram({
      hash,
      plus: mechanism.endsWith('-PLUS'),
      plusOffered: offered.mechanisms.some(name => name.endsWith('-PLUS')),
      channelBinding: type =>
        offered.channelBindings.includes(type) ? channelBinding(tls, type) : undefined,
      nonce: randomUUID(),
      downgradeHash: downgradeHash(hash, offered.mechanisms, offered.channelBindings),
    })
  }

  /** Takes the next message of the client. Throws a SaslError. */
  async step(message: Buffer): Promise<SaslStep> {
    try {
      if (this.account === undefined) return await this.first(message)
      return await this.final(message, this.account.jid, this.account.keys)
    } catch (error) {
      if (error instanceof ScramError) throw new SaslError(...FAILURES[error.value])
      throw error
    }
  }

  private async first(message: Buffer): Promise<SaslStep> {
    const { username, authzid } = this.scram.first(message)
    const jid = accountOf(username, authzid, this.context.host)
    const keys = await this.context.accounts.credentials(jid, this.hash)
    this.account = { jid, keys }
    return { kind: 'challenge', data: this.scram.challenge(keys) }
  }

  private async final(message: Buffer, jid: JID, keys: ScramKeys): Promise<SaslStep> {
    const data = this.scram.final(message)
    // The client may have taken its time: an account removed, or given another password, since the challenge lets nobody in.
    if (!(await this.context.accounts.holds(jid, this.hash, keys))) throw new SaslError('not-authorized')
    return { kind: 'success', data, jid }
  }
}
