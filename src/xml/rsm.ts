/** XEP-0059: Result Set Management. */
import { type Element, xml } from './element.ts'
import { NS } from './ns.ts'

/** Which part of many results is asked for; everything may be absent. */
export interface PageRequest {
  /** Most results; 0 asks for their number only. */
  readonly max?: number
  /** Only what comes after the result with this id. */
  readonly after?: string
  /** Only what comes before it, and of that the last; '' for the last of all. */
  readonly before?: string
  /** Where to begin, as a number. */
  readonly index?: number
}

/** What was found of it. */
export interface PageReport {
  /** The ids of the first and the last result; absent where there is none. */
  readonly ends?: readonly [first: string, last: string]
  /** Which result of all the first one is, from 0. */
  readonly index?: number
  /** How many results there are in all. */
  readonly count?: number
}

/** Reads the `<set/>` of a request, if it has one; undefined where it makes no sense. */
export function readPageRequest(payload: Element): PageRequest | undefined {
  const set = payload.getChild('set', NS.resultSets)
  if (set === undefined) return {}
  const [max, index] = [number(set, 'max'), number(set, 'index')]
  if (Number.isNaN(max) || Number.isNaN(index)) return undefined
  const [after, before] = [text(set, 'after'), text(set, 'before')]
  return {
    ...(max !== undefined && { max }),
    ...(after !== undefined && { after }),
    ...(before !== undefined && { before }),
    ...(index !== undefined && { index }),
  }
}

/** The `<set/>` of an answer: XEP-0059 §2.2. */
export function pageReport({ ends, index, count }: PageReport): Element {
  return xml(
    'set',
    { xmlns: NS.resultSets },
    ends && xml('first', index === undefined ? {} : { index: String(index) }, ends[0]),
    ends && xml('last', {}, ends[1]),
    count !== undefined && xml('count', {}, String(count)),
  )
}

function text(set: Element, name: string): string | undefined {
  return set.getChild(name, NS.resultSets)?.getText()
}

/** NaN for what is no whole number. */
function number(set: Element, name: string): number | undefined {
  const given = text(set, name)?.trim()
  return given === undefined ? undefined : /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN
}
