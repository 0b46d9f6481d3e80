/** XEP-0045 §8.6, XEP-0045 §9.9: forms by which a room asks those who decide about somebody, and their answers. */
import { StanzaError } from '../../core/errors.ts'
import { type Element, xml } from '../../xml/element.ts'
import { type SubmittedValues, valuesIn } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'

/** A form that has come to a room. */
interface Received {
  readonly type: unknown
  readonly values: SubmittedValues
}

/** The form of this `FORM_TYPE` in a message; undefined where there is none. */
export function formIn(message: Stanza, formType: string): Received | undefined {
  const form = message.child('x', NS.forms)
  const values = form && valuesIn(form)
  return values?.get('FORM_TYPE')?.[0] === formType ? { type: form?.attrs.type, values } : undefined
}

/** Whether somebody gives up filling in a form. Throws the StanzaError `bad-request` for what is not filled in either. */
export function isGivenUp({ type }: Received): boolean {
  if (type !== 'cancel' && type !== 'submit') throw new StanzaError('bad-request')
  return type === 'cancel'
}

/** Whether the answer to a question is yes. */
export function isYes(values: SubmittedValues, name: string): boolean {
  const answer = values.get(name)?.[0]
  return answer === '1' || answer === 'true'
}

/** What is asked, with what is known of whoever it is about. */
export function approvalForm(
  formType: string,
  title: string,
  instructions: string,
  fields: readonly Element[],
): Element {
  return xml(
    'x',
    { xmlns: NS.forms, type: 'form' },
    xml('title', {}, title),
    xml('instructions', {}, instructions),
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, xml('value', {}, formType)),
    [...fields],
  )
}

/** A field with its value. */
export function filled(name: string, type: string, label: string, value: string): Element {
  return xml('field', { var: name, type, label }, xml('value', {}, value))
}
