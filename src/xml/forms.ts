/** Data forms: XEP-0004. */
import { type Element, xml } from './element.ts'
import { JID, JIDError } from './jid.ts'
import { NS } from './ns.ts'

/** A field that is only read: its values, or one of them with what it means to people. */
export type ResultField = readonly string[] | { readonly label: string; readonly value: string }

/** Fields that are only read, by name. */
export type ResultFields = Readonly<Record<string, ResultField>>

/** A form of type result that says what it is about by its FORM_TYPE (XEP-0068): data to be read, not to be filled in. */
export function resultForm(formType: string, fields: ResultFields): Element {
  const all = Object.entries(fields).map(([name, field]) =>
    'label' in field
      ? xml('field', { var: name, type: 'text-single', label: field.label }, valuesOf([field.value]))
      : xml('field', { var: name }, valuesOf(field)),
  )
  return xml(
    'x',
    { xmlns: NS.forms, type: 'result' },
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, valuesOf([formType])),
    all,
  )
}

function valuesOf(texts: readonly string[]): Element[] {
  return texts.map(text => xml('value', {}, text))
}

/** A field of a form to be filled in (XEP-0004 §3.3); `T` is what it gives. Use `field` to make one. */
export interface FormField<T> {
  readonly type:
    | 'text-single'
    | 'text-multi'
    | 'text-private'
    | 'boolean'
    | 'list-single'
    | 'list-multi'
    | 'jid-single'
    | 'jid-multi'
  readonly label: string
  readonly required: boolean
  /** What it is filled in with at first. */
  readonly value?: string | readonly string[]
  /** What can be chosen: labels by value. */
  readonly options?: Readonly<Record<string, string>>
  /** Reads the values that were submitted, if any; undefined for what cannot be. */
  readonly read: (values: readonly string[]) => T | undefined
}

interface FieldSpec {
  readonly label: string
  readonly required?: boolean
}

const text =
  (type: 'text-single' | 'text-private') =>
  (spec: FieldSpec): FormField<string> => ({
    required: false,
    ...spec,
    type,
    read: ([value = '']) => (value === '' && spec.required ? undefined : value),
  })

export const field = {
  /** A line of text; '' where it is left out. */
  text: text('text-single'),
  /** A text of several lines, which cannot be empty. */
  lines: (spec: { readonly label: string; readonly value?: string }): FormField<string> => ({
    label: spec.label,
    ...(spec.value !== undefined && { value: spec.value.split('\n') }),
    type: 'text-multi',
    required: true,
    read: values => (values.every(line => line.trim() === '') ? undefined : values.join('\n').trim()),
  }),
  /** A text that is not shown while it is typed. */
  secret: text('text-private'),
  /** Yes or no; left out it is as at first, which is no. */
  boolean: ({
    value,
    ...spec
  }: {
    readonly label: string
    readonly value?: boolean
  }): FormField<boolean> => ({
    ...spec,
    type: 'boolean',
    required: false,
    value: value ? '1' : '0',
    read: ([given = value ? '1' : '0']) => BOOLEANS.get(given),
  }),
  /** One of several: labels by value. */
  choice: <C extends string>(spec: {
    readonly label: string
    readonly options: Readonly<Record<C, string>>
    readonly value?: NoInfer<C>
  }): FormField<C> => ({
    ...spec,
    type: 'list-single',
    required: true,
    read: ([value]) => (value !== undefined && Object.hasOwn(spec.options, value) ? (value as C) : undefined),
  }),
  /** Some of several, or none: labels by value. */
  choices: <C extends string>(spec: {
    readonly label: string
    readonly options: Readonly<Record<C, string>>
    readonly value: readonly NoInfer<C>[]
  }): FormField<readonly C[]> => ({
    ...spec,
    type: 'list-multi',
    required: false,
    read: values => {
      const given = values.filter(text => text !== '')
      return given.every(text => Object.hasOwn(spec.options, text)) ? (given as C[]) : undefined
    },
  }),
  /** An address. */
  address: (spec: { readonly label: string }): FormField<JID> => ({
    ...spec,
    type: 'jid-single',
    required: true,
    read: ([value]) => addressesIn([value ?? ''])?.[0],
  }),
  /** One address or more. */
  addresses: (spec: { readonly label: string }): FormField<readonly JID[]> => ({
    ...spec,
    type: 'jid-multi',
    required: true,
    read: values => (values.length === 0 ? undefined : addressesIn(values)),
  }),
  /** A list of addresses as it is, to be changed; it may be empty. */
  addressList: (spec: {
    readonly label: string
    readonly value: readonly string[]
  }): FormField<readonly JID[]> => ({
    ...spec,
    type: 'jid-multi',
    required: false,
    read: values => addressesIn(values.filter(text => text.trim() !== '')),
  }),
}

/** XEP-0004 §3.3: both ways to write a boolean. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
])

function addressesIn(texts: readonly string[]): JID[] | undefined {
  try {
    return texts.map(text => JID.parse(text.trim()))
  } catch (error) {
    if (error instanceof JIDError) return undefined
    throw error
  }
}

/** Values that were filled in, by name of field. */
export type SubmittedValues = ReadonlyMap<string, readonly string[]>

/** The fields of a form, by name. */
export type FormFields = Readonly<Record<string, FormField<unknown>>>

/** What a form gives once it is filled in. */
export type Filled<F extends FormFields> = {
  readonly [N in keyof F]: F[N] extends FormField<infer T> ? T : never
}

/** A form to be filled in. */
export interface Form<F extends FormFields = FormFields> {
  readonly formType?: string
  readonly title: string
  readonly instructions?: string
  readonly fields: F
}

/** A form of type form: XEP-0004 §3.1. */
export function blankForm({ formType, title, instructions, fields }: Form): Element {
  return xml(
    'x',
    { xmlns: NS.forms, type: 'form' },
    xml('title', {}, title),
    instructions !== undefined && xml('instructions', {}, instructions),
    formType !== undefined && xml('field', { var: 'FORM_TYPE', type: 'hidden' }, valuesOf([formType])),
    Object.entries(fields).map(([name, { type, label, required, value, options = {} }]) =>
      xml(
        'field',
        { var: name, type, label },
        required && xml('required'),
        value !== undefined && valuesOf(typeof value === 'string' ? [value] : value),
        Object.entries(options).map(([value, label]) => xml('option', { label }, valuesOf([value]))),
      ),
    ),
  )
}

/** What was submitted cannot be taken; the message says why, to the one who filled it in. */
export class FormError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'FormError'
  }
}

/** What a form gives that was filled in with these values, by name of field; others are left aside. Throws a FormError. */
export function filledForm<F extends FormFields>({ fields }: Form<F>, values: SubmittedValues): Filled<F> {
  const filled = Object.entries(fields).map(([name, { label, required, read }]) => {
    const given = values.get(name) ?? []
    const value = read(given)
    if (value !== undefined) return [name, value]
    const missing = required && given.every(text => text === '')
    throw new FormError(`${label}: ${missing ? 'this has to be filled in' : 'this cannot be taken'}`)
  })
  return Object.fromEntries(filled) as Filled<F>
}

/** First values of a form that was filled in, by name of field; undefined if it is of another type than submit. */
export function submittedForm(form: Element): ReadonlyMap<string, string> | undefined {
  if (form.attrs.type !== 'submit') return undefined
  return new Map([...valuesIn(form)].map(([name, [first = '']]) => [name, first]))
}

/** The values of the fields of a form. */
export function valuesIn(form: Element): SubmittedValues {
  const fields = form.getChildren('field', NS.forms)
  return new Map(
    fields.map(field => [
      field.attrs.var ?? '',
      field.getChildren('value', NS.forms).map(value => value.getText()),
    ]),
  )
}
