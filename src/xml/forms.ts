/** Data forms: XEP-0004. */
import { type Element, xml } from './element.ts'
import { NS } from './ns.ts'

/** Values of a form's fields by name. */
export type FormValues = Readonly<Record<string, readonly string[]>>

/** A form of type result that says what it is about by its FORM_TYPE (XEP-0068): data to be read, not to be filled in. */
export function resultForm(formType: string, values: FormValues): Element {
  const fields = Object.entries(values).map(([name, texts]) => xml('field', { var: name }, valuesOf(texts)))
  return xml(
    'x',
    { xmlns: NS.forms, type: 'result' },
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, valuesOf([formType])),
    fields,
  )
}

function valuesOf(texts: readonly string[]): Element[] {
  return texts.map(text => xml('value', {}, text))
}

/** One field of a form to be filled in; all are required. */
export interface FormField {
  readonly name: string
  readonly type: 'text-single' | 'text-private'
  readonly label: string
}

/** A form to be filled in. */
export interface BlankForm {
  readonly formType: string
  readonly title: string
  readonly instructions: string
  readonly fields: readonly FormField[]
}

/** A form of type form: XEP-0004 §3.1. */
export function blankForm({ formType, title, instructions, fields }: BlankForm): Element {
  return xml(
    'x',
    { xmlns: NS.forms, type: 'form' },
    xml('title', {}, title),
    xml('instructions', {}, instructions),
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, valuesOf([formType])),
    fields.map(({ name, type, label }) => xml('field', { var: name, type, label }, xml('required'))),
  )
}

/** First values of a form that was filled in, by name of field; undefined if it is of another type than submit. */
export function submittedForm(form: Element): ReadonlyMap<string, string> | undefined {
  if (form.attrs.type !== 'submit') return undefined
  const fields = form.getChildren('field', NS.forms)
  return new Map(fields.map(field => [field.attrs.var ?? '', field.getChildText('value', NS.forms) ?? '']))
}
