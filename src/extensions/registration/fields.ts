/** What is asked of someone who registers, and what was answered: XEP-0077 §3, §4. */
import { StanzaError } from '../../core/errors.ts'
import { type Element, xml } from '../../xml/element.ts'
import { blankForm, field, submittedForm } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'

const INSTRUCTIONS = 'Choose a name and a password.'

/** What was filled in; '' for what was left out. */
export interface Answers {
  readonly username: string
  readonly password: string
}

/** XEP-0077 §3.1: what a newcomer has to fill in. §6: as a form, and as plain fields for clients that know no forms. */
export function blankQuery(): Element {
  return xml(
    'query',
    { xmlns: NS.register },
    xml('instructions', {}, INSTRUCTIONS),
    xml('username'),
    xml('password'),
    blankForm({
      formType: NS.register,
      title: 'New account',
      instructions: INSTRUCTIONS,
      fields: {
        username: field.text({ label: 'Name', required: true }),
        password: field.secret({ label: 'Password', required: true }),
      },
    }),
  )
}

/** XEP-0077 §3.1: what somebody is told who is registered; the password is nobody's to tell. */
export function registeredQuery(username: string): Element {
  return xml(
    'query',
    { xmlns: NS.register },
    xml('registered'),
    xml('instructions', {}, 'To change your password, fill in the new one.'),
    xml('username', {}, username),
    xml('password'),
  )
}

/** Reads a query that was filled in. Throws a StanzaError for a form that is not one. */
export function answersOf(query: Element): Answers {
  const form = query.getChild('x', NS.forms)
  // XEP-0077 §4 rule 5: the form takes precedence.
  if (form !== undefined) {
    const values = submittedForm(form)
    if (values === undefined) throw new StanzaError('bad-request', { text: 'the form is not submitted' })
    return { username: values.get('username') ?? '', password: values.get('password') ?? '' }
  }
  const text = (name: string): string => query.getChildText(name, NS.register) ?? ''
  return { username: text('username').trim(), password: text('password') }
}
