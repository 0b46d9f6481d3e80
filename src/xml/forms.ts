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
