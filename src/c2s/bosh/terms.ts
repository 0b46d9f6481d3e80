/** What a session agrees on when it begins: XEP-0124 §7. */
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { BodyAttributes } from './answer.ts'
import type { PaceRules } from './pace.ts'
import type { BoshRequest } from './request.ts'

/** What the operator allows, in seconds. */
export interface BoshLimits {
  /** How long a request is held at most. */
  readonly wait: number
  /** How long a client may have no request here. */
  readonly inactivity: number
  /** The same if it says so before. */
  readonly pause: number
}

/** What holds for one session. */
export interface SessionTerms extends PaceRules {
  /** The domain that the client wants. */
  readonly to: string | undefined
  /** Requests that are held at a time. */
  readonly holds: number
  /** How long each of them is held, in milliseconds. */
  readonly wait: number
  /** How long there may be none, in milliseconds. */
  readonly inactivity: number
  /** The longest pause, in seconds. */
  readonly maxPause: number
  /** XEP-0124 §9: both sides acknowledge. */
  readonly acknowledges: boolean
  /** XEP-0124 §17.1: the client knows errors of HTTP instead of conditions. */
  readonly legacy: boolean
  /** Content-Type of the answers. */
  readonly content: string | undefined
  /** The attributes of the first answer. */
  greeting(sid: string): BodyAttributes
}

/** The version of BOSH that this is: XEP-0124 1.11. */
const MAJOR = 1
const MINOR = 11
/** More requests at a time give nothing: one is held for what comes, another brings what goes. */
const MOST_HELD = 4
/** XEP-0124 §7.2: who only asks may do so this often, in seconds. */
const POLLING_SECONDS = 5
/** XEP-0124 §12: who asks now and then may be silent for longer. */
const POLLS_INACTIVITY = 2

/** The terms of a session that this request asks for. */
export function termsFor({ rid, ack, opening }: BoshRequest, limits: BoshLimits): SessionTerms {
  const { to, wait: wanted = limits.wait, hold: wantedHold = 1, ver, content } = opening
  const wait = Math.min(wanted, limits.wait)
  const hold = Math.min(wantedHold, MOST_HELD)
  // XEP-0124 §12
  const polls = wait === 0 || hold === 0
  const inactivity = polls ? limits.inactivity * POLLS_INACTIVITY : limits.inactivity
  const requests = hold + 1
  const acknowledges = ack !== undefined
  return {
    to,
    holds: polls ? 0 : hold,
    wait: wait * 1000,
    inactivity: inactivity * 1000,
    maxPause: limits.pause,
    requests,
    polling: POLLING_SECONDS * 1000,
    polls,
    acknowledges,
    legacy: ver === undefined,
    content,
    // XEP-0124 §7.2
    greeting: sid => ({
      'xmlns:xmpp': NS.xbosh,
      sid,
      wait,
      requests,
      hold,
      inactivity,
      polling: POLLING_SECONDS,
      maxpause: limits.pause,
      ver: ver && lowerVersion(ver),
      ack: acknowledges ? rid : undefined,
      from: domainOf(to),
      // XEP-0206 §4
      'xmpp:version': '1.0',
      'xmpp:restartlogic': 'true',
    }),
  }
}

/** XEP-0124 §7.2: ours or the client's, whichever is lower; the parts are numbers of their own. */
function lowerVersion(ver: string): string {
  const [, major = '', minor = ''] = /^(\d+)\.(\d+)$/.exec(ver) ?? []
  const lower = Number(major) < MAJOR || (Number(major) === MAJOR && Number(minor) < MINOR)
  return major !== '' && lower ? ver : `${MAJOR}.${MINOR}`
}

/** As our stream names it. If it is not served here, the stream says so. */
function domainOf(to: string | undefined): string | undefined {
  return to === undefined ? undefined : JID.tryParse(to)?.domain
}
