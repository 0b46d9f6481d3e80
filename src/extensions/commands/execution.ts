import { StanzaError } from '../../core/errors.ts'
import type { IqContext, Place } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import type { Catalogue } from './catalogue.ts'
import type { Command } from './command.ts'
import { ACTIONS, type CommandAction, type Step } from './conversation.ts'
import { forbidden, refusal, sessionExpired } from './errors.ts'
import type { CommandSession, CommandSessions } from './sessions.ts'

/** What commands speak. */
const LANGUAGE = 'en'
/** Longest request of a session: what is filled in is kept until the command ends. */
const MOST_BYTES = 16 * 1_024

/** Executes the commands of a host, a step with each request: XEP-0050 §2.4. */
export class Execution {
  readonly #catalogue: Catalogue
  readonly #sessions: CommandSessions

  constructor(catalogue: Catalogue, sessions: CommandSessions) {
    this.#catalogue = catalogue
    this.#sessions = sessions
  }

  /** Answers a request at one place. Rejects with the StanzaErrors of XEP-0050 §4.4. */
  async run(place: Place, iq: IqContext): Promise<Element> {
    const { payload, owner } = iq
    const { from } = iq.stanza
    const { node, sessionid } = payload.attrs as Record<string, string | undefined>
    // XEP-0050 §4.1: "This attribute MUST be present."
    if (node === undefined) throw new StanzaError('bad-request', { text: 'which command?' })
    const command = await this.#catalogue.runnable(place, node, from, forbidden)
    const action = actionOf(payload)
    requireLanguage(payload)
    if (sessionid !== undefined) return this.#goOn(command, sessionid, action, iq)
    if (action !== 'execute') throw refusal('bad-action', 'a command is begun with execute')
    const session = this.#sessions.begin(command, from, owner)
    return this.#step(command, session, () => session.conversation.play())
  }

  #goOn(command: Command, id: string, action: CommandAction, { stanza, payload }: IqContext) {
    const session = this.#sessions.find(id, command, stanza.from)
    if (action === 'cancel') {
      this.#sessions.end(session)
      return answer(command, session, 'canceled')
    }
    if (stanza.size > MOST_BYTES) throw refusal('bad-payload', `a form has at most ${MOST_BYTES} bytes`)
    const form = payload.getChild('x', NS.forms)
    return this.#step(command, session, () => session.conversation.go(action, form))
  }

  /** One step, after the one that is still being taken. */
  async #step(command: Command, session: CommandSession, take: () => Promise<Step>): Promise<Element> {
    return session.lane.run(async () => {
      if (!this.#sessions.has(session)) throw sessionExpired()
      try {
        const { status, children } = await take()
        // XEP-0050 §3.3: it was cancelled meanwhile, or its user is gone.
        if (!this.#sessions.has(session)) throw sessionExpired()
        return answer(command, session, status, children)
      } finally {
        if (!session.conversation.waits) this.#sessions.end(session)
      }
    })
  }
}

function answer(
  { node }: Command,
  { id }: CommandSession,
  status: Step['status'] | 'canceled',
  children: readonly Element[] = [],
): Element {
  // XEP-0050 §3.7: the answer names its language.
  const attributes = { xmlns: NS.commands, node, sessionid: id, status, 'xml:lang': LANGUAGE }
  return xml('command', attributes, [...children])
}

/** XEP-0050 §4.1: `execute` where nothing is said. */
function actionOf({ attrs }: Element): CommandAction {
  const { action = 'execute' } = attrs
  const known = ACTIONS.find(one => one === action)
  if (known === undefined) throw refusal('malformed-action', 'there is no such action')
  return known
}

/**
 * XEP-0050 §3.7. COMPAT: only what is asked of the command itself counts. The language of a stanza is mostly that of its stream (RFC 6120
 * §8.1.5), and clients that speak another one would be left without any command.
 */
function requireLanguage({ attrs }: Element): void {
  const wanted = attrs['xml:lang'] as string | undefined
  if (wanted === undefined || /^en(-|$)/i.test(wanted)) return
  throw refusal('bad-locale', 'commands speak English')
}
