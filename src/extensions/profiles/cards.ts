/** XEP-0292 §10: cards of vcard-temp (XEP-0054) as vCard4 (RFC 6351), and back. What one form does not know stays as the other form has it. */
import { copyOf, type Element, xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'

/** A property that is one value: its name in vcard-temp, in vCard4, and the type of the value there. */
const SIMPLE: readonly (readonly [temp: string, name: string, type: string, prefix?: string])[] = [
  ['FN', 'fn', 'text'],
  ['NICKNAME', 'nickname', 'text'],
  ['BDAY', 'bday', 'date'],
  ['TITLE', 'title', 'text'],
  ['ROLE', 'role', 'text'],
  ['URL', 'url', 'uri'],
  ['JABBERID', 'impp', 'uri', 'xmpp:'],
  ['TZ', 'tz', 'text'],
  ['UID', 'uid', 'uri'],
  ['REV', 'rev', 'timestamp'],
  // XEP-0292 §10.1: "Mapping the vcard-temp <DESC/> element to the vCard4 NOTE property is appropriate."
  ['DESC', 'note', 'text'],
]

/** A property of parts, each with both names, in the order of vCard4. */
const STRUCTURED: readonly (readonly [
  temp: string,
  name: string,
  parts: readonly (readonly [string, string])[],
])[] = [
  [
    'N',
    'n',
    [
      ['FAMILY', 'surname'],
      ['GIVEN', 'given'],
      ['MIDDLE', 'additional'],
      ['PREFIX', 'prefix'],
      ['SUFFIX', 'suffix'],
    ],
  ],
  [
    'ADR',
    'adr',
    [
      ['POBOX', 'pobox'],
      ['EXTADD', 'ext'],
      ['STREET', 'street'],
      ['LOCALITY', 'locality'],
      ['REGION', 'region'],
      ['PCODE', 'code'],
      ['CTRY', 'country'],
    ],
  ],
]

/** Kinds of addresses and numbers that both forms know. XEP-0292 §10.3: others are left out. */
const KINDS: Readonly<Record<string, string>> = {
  HOME: 'home',
  WORK: 'work',
  VOICE: 'voice',
  FAX: 'fax',
  PAGER: 'pager',
  CELL: 'cell',
  VIDEO: 'video',
}

/** Names of all properties that are carried over. */
const TEMP_NAMES = new Set([
  ...SIMPLE.map(([temp]) => temp),
  ...STRUCTURED.map(([temp]) => temp),
  ...['ORG', 'TEL', 'EMAIL', 'GEO', 'CATEGORIES', 'NOTE'],
])
const NAMES = new Set([
  ...SIMPLE.map(([, name]) => name),
  ...STRUCTURED.map(([, name]) => name),
  ...['org', 'tel', 'email', 'geo', 'categories'],
])

/** A card as vCard4. `before`: what there was in that form; properties that vcard-temp cannot say are kept. */
export function toVcard4(card: Element, before?: Element): Element {
  const all: Element[] = []
  for (const property of card.getChildElements()) {
    const made = property4(property)
    if (made !== undefined) all.push(made)
  }
  return xml('vcard', { xmlns: NS.vcard4 }, all, rest(before, NAMES, ['photo']))
}

/** A vCard4 in the form of vcard-temp. `before`: what there was in that form; properties that vCard4 cannot say are kept, but for the photo. */
export function toVcardTemp(card: Element, before?: Element): Element {
  const all: Element[] = []
  for (const property of card.getChildElements()) {
    const made = propertyTemp(property)
    if (made !== undefined) all.push(made)
  }
  return xml('vCard', { xmlns: NS.vcard }, all, rest(before, TEMP_NAMES, []))
}

function rest(before: Element | undefined, names: ReadonlySet<string>, but: readonly string[]): Element[] {
  const kept = before?.getChildElements() ?? []
  return kept.filter(({ name }) => !names.has(name) && !but.includes(name)).map(copyOf)
}

function property4(property: Element): Element | undefined {
  const { name } = property
  const simple = SIMPLE.find(([temp]) => temp === name)
  if (simple !== undefined) {
    const [, name4, type, prefix = ''] = simple
    const text = property.getText().trim()
    return text === '' ? undefined : xml(name4, {}, xml(type, {}, prefix + text))
  }
  const structured = STRUCTURED.find(([temp]) => temp === name)
  if (structured !== undefined) {
    const [, name4, parts] = structured
    const values = parts.map(([temp, part]) => xml(part, {}, textOf(property, temp) || undefined))
    return xml(name4, {}, name === 'ADR' ? parametersOf(property) : undefined, values)
  }
  switch (name) {
    case 'NOTE':
      return xml('note', {}, xml('text', {}, property.getText()))
    case 'ORG':
      return xml(
        'org',
        {},
        [...property.getChildren('ORGNAME'), ...property.getChildren('ORGUNIT')].map(part =>
          xml('text', {}, part.getText()),
        ),
      )
    case 'TEL': {
      const number = textOf(property, 'NUMBER')
      // XEP-0292 §10.3: "in vCard4 the telephone number is represented as a tel: URI".
      const uri = `tel:${number.replaceAll(/[\s()]/g, '')}`
      return number === '' ? undefined : xml('tel', {}, parametersOf(property), xml('uri', {}, uri))
    }
    case 'EMAIL': {
      const address = textOf(property, 'USERID')
      return address === '' ? undefined : xml('email', {}, parametersOf(property), xml('text', {}, address))
    }
    case 'GEO':
      return xml('geo', {}, xml('uri', {}, `geo:${textOf(property, 'LAT')},${textOf(property, 'LON')}`))
    case 'CATEGORIES':
      return xml(
        'categories',
        {},
        property.getChildren('KEYWORD').map(word => xml('text', {}, word.getText())),
      )
    default:
      return undefined
  }
}

function propertyTemp(property: Element): Element | undefined {
  const { name } = property
  const simple = SIMPLE.find(([, name4]) => name4 === name)
  if (simple !== undefined) {
    const [temp, , , prefix = ''] = simple
    const text = valueIn(property)
    // Of addresses of instant messaging it knows one kind.
    if (!text.startsWith(prefix)) return undefined
    return xml(temp, {}, text.slice(prefix.length))
  }
  const structured = STRUCTURED.find(([, name4]) => name4 === name)
  if (structured !== undefined) {
    const [temp, , parts] = structured
    const values = parts.map(([part, part4]) => [part, textOf(property, part4)] as const)
    const given = values.filter(([, text]) => text !== '').map(([part, text]) => xml(part, {}, text))
    return xml(temp, {}, temp === 'ADR' ? kindsOf(property) : [], given)
  }
  switch (name) {
    case 'org': {
      const [orgname, ...units] = property.getChildren('text').map(part => part.getText())
      return xml(
        'ORG',
        {},
        xml('ORGNAME', {}, orgname ?? ''),
        units.map(unit => xml('ORGUNIT', {}, unit)),
      )
    }
    case 'tel':
      return xml('TEL', {}, kindsOf(property), xml('NUMBER', {}, valueIn(property).replace(/^tel:/, '')))
    case 'email':
      return xml('EMAIL', {}, kindsOf(property), xml('USERID', {}, valueIn(property)))
    case 'geo': {
      const [, latitude, longitude] = /^geo:([^,;]*),([^,;]*)/.exec(valueIn(property)) ?? []
      if (latitude === undefined || longitude === undefined) return undefined
      return xml('GEO', {}, xml('LAT', {}, latitude), xml('LON', {}, longitude))
    }
    case 'categories':
      return xml(
        'CATEGORIES',
        {},
        property.getChildren('text').map(word => xml('KEYWORD', {}, word.getText())),
      )
    default:
      return undefined
  }
}

/** RFC 6351 §5: the kinds of an address or a number, as parameters. */
function parametersOf(property: Element): Element | undefined {
  const kinds = Object.keys(KINDS).filter(kind => property.getChild(kind) !== undefined)
  const preferred = property.getChild('PREF') !== undefined
  if (kinds.length === 0 && !preferred) return undefined
  return xml(
    'parameters',
    {},
    kinds.length > 0 &&
      xml(
        'type',
        {},
        kinds.map(kind => xml('text', {}, KINDS[kind] ?? kind)),
      ),
    preferred && xml('pref', {}, xml('integer', {}, '1')),
  )
}

function kindsOf(property: Element): Element[] {
  const parameters = property.getChild('parameters')
  const named = parameters?.getChild('type')?.getChildren('text') ?? []
  const given = new Set(named.map(kind => kind.getText().toUpperCase()))
  const kinds = Object.keys(KINDS).filter(kind => given.has(kind))
  return [...kinds, ...(parameters?.getChild('pref') ? ['PREF'] : [])].map(kind => xml(kind))
}

/** The value of a property of vCard4, whatever its type. */
function valueIn(property: Element): string {
  const value = property.getChildElements().find(({ name }) => name !== 'parameters')
  return (value?.getText() ?? property.getText()).trim()
}

function textOf(property: Element, part: string): string {
  return property.getChild(part)?.getText().trim() ?? ''
}
