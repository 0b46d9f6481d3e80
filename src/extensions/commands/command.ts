/** What a command is made of. */
import type { Place } from '../../core/extension.ts'
import type { Element } from '../../xml/element.ts'
import type { Filled, Form, FormFields } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'

/** Who may run a command: any account of the host, its administrators, or nobody. */
export type Access = 'users' | 'admins' | 'nobody'

/** An ad-hoc command. */
export interface Command {
  /** Names it to clients. */
  readonly node: string
  /** Names it to people. */
  readonly name: string
  /** Of the server, of each account, whose owner alone can run it, or of each room, which sees for itself to who may. */
  readonly place: Place
  /** Asked anew at each step. */
  readonly access: Access | ((asker: JID) => Access)
  /**
   * Runs from top to bottom and waits at each `ask` for a form to be filled in. When the user goes a form back it is run anew with the
   * answers so far, so what has an effect belongs below the last `ask`. May throw StanzaErrors; after `badPayload` the last form can
   * be filled in once more, any other ends it.
   */
  run(dialog: Dialog): Promise<Completed>
}

/** The one who runs a command, as the command sees him. */
export interface Dialog {
  /** Full address. */
  readonly asker: JID
  /** The account it runs for; the room; the host's address at place 'server'. */
  readonly owner: JID
  /** Has a form filled in; it is checked when it comes back. Never resolves when the user gives up. */
  ask<F extends FormFields>(form: Form<F>, options?: AskOptions): Promise<Answer<F>>
}

/** Where a form may lead: to the next one, or to the end. */
export type Onward = 'next' | 'complete'

/** What a form is sent with. */
export interface AskOptions {
  /** The ways on that are offered, the usual one first. Default: `complete` alone, so the last form needs none. */
  readonly onward?: readonly [Onward, ...Onward[]]
  readonly notes?: readonly Note[]
}

/** A form that came back. */
export interface Answer<F extends FormFields> {
  readonly values: Filled<F>
  /** Which way the user went on. */
  readonly onward: Onward
}

/** Something to be read with a form or a result: XEP-0050 §4.3. */
export interface Note {
  readonly type: 'info' | 'warn' | 'error'
  readonly text: string
}

/** What came of a command. XEP-0050 §3.6: one that failed has a note of type error. */
export interface Completed {
  /** Mostly a form of type result. */
  readonly payload?: readonly Element[]
  readonly notes?: readonly Note[]
}
