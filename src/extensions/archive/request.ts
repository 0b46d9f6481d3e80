/** XEP-0313 §4: what a query asks for. */
import { namedAddress } from '../../core/address.ts'
import { StanzaError } from '../../core/errors.ts'
import { parseDateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import { valuesIn } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { type PageRequest, readPageRequest } from '../../xml/rsm.ts'

/** A query, read. Ids are as the client gave them. */
export interface ArchiveRequest {
  readonly queryId: string | undefined
  readonly peer: JID | undefined
  /** ms since 1970 */
  readonly start: number | undefined
  readonly end: number | undefined
  readonly afterId: string | undefined
  readonly beforeId: string | undefined
  readonly ids: readonly string[] | undefined
  /** The newest of a page come first. */
  readonly flipped: boolean
  readonly page: PageRequest
}

/** The fields that can be filled in: XEP-0313 §4.1. */
const FIELDS = {
  with: 'jid-single',
  start: 'text-single',
  end: 'text-single',
  'before-id': 'text-single',
  'after-id': 'text-single',
  ids: 'list-multi',
} as const

/** Most ids in one query. */
const MOST_IDS = 1_000

/** XEP-0313 §4.1.5: the form of all fields. */
export function queryForm(): Element {
  const fields = Object.entries(FIELDS).map(([name, type]) =>
    xml('field', { type, var: name }, name === 'ids' && anyValues()),
  )
  const formType = xml('field', { type: 'hidden', var: 'FORM_TYPE' }, xml('value', {}, NS.archive))
  return xml('query', { xmlns: NS.archive }, xml('x', { xmlns: NS.forms, type: 'form' }, formType, fields))
}

/** XEP-0313 §4.1.5, XEP-0122: nobody lists all ids. */
function anyValues(): Element {
  return xml('validate', { xmlns: NS.formValidation, datatype: 'xs:string' }, xml('open'))
}

/** Reads a query. Throws the StanzaError that answers it. */
export function readRequest(query: Element): ArchiveRequest {
  // XEP-0313 §5.1.3: nodes are for the archives of XEP-0060.
  if (query.attrs.node !== undefined) throw new StanzaError('item-not-found')
  const page = readPageRequest(query)
  if (page === undefined) throw new StanzaError('bad-request', { text: 'max and index are whole numbers' })
  // XEP-0059 §2.6: a place by its number would have to be counted.
  if (page.index !== undefined) throw new StanzaError('feature-not-implemented')
  const values = submitted(query)
  const one = (name: keyof typeof FIELDS) => values.get(name)?.[0]
  return {
    queryId: query.attrs.queryid as string | undefined,
    peer: address(one('with')),
    start: moment(one('start')),
    end: moment(one('end')),
    afterId: one('after-id'),
    beforeId: one('before-id'),
    ids: idsOf(values.get('ids')),
    flipped: query.getChild('flip-page', NS.archive) !== undefined,
    page,
  }
}

function submitted(query: Element): ReadonlyMap<string, readonly string[]> {
  const form = query.getChild('x', NS.forms)
  if (form === undefined) return new Map()
  const values = valuesIn(form)
  if (form.attrs.type !== 'submit' || values.get('FORM_TYPE')?.[0] !== NS.archive)
    throw new StanzaError('bad-request', { text: 'that is not the form of an archive' })
  // XEP-0313 §4.1.5: "If a client includes a form field that the server does not recognise, the server MUST respond with a
  // 'feature-not-implemented' error."
  for (const name of values.keys())
    if (name !== 'FORM_TYPE' && !Object.hasOwn(FIELDS, name)) throw new StanzaError('feature-not-implemented')
  return values
}

function address(text: string | undefined): JID | undefined {
  return text === undefined ? undefined : namedAddress(text.trim())
}

function moment(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDateTime(text.trim())
  if (ms === undefined) throw new StanzaError('bad-request', { text: 'a moment is written as in XEP-0082' })
  return ms
}

function idsOf(values: readonly string[] | undefined): readonly string[] | undefined {
  if (values === undefined) return undefined
  if (values.length > MOST_IDS) throw new StanzaError('policy-violation', { text: `${MOST_IDS} ids at most` })
  return values
}
