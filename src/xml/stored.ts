/** Elements as text, for storage. */
import type { Element } from './element.ts'
import { printElement } from './print.ts'
import { readElement, TRUSTED_LIMITS } from './reader.ts'

/** Prints an element that declares its own namespace, so that it can be read by itself. */
export function printAlone(element: Element): string {
  return printElement(element, '')
}

/** Reads what `printAlone` has printed. */
export function parseElement(text: string): Element {
  return readElement(Buffer.from(text), TRUSTED_LIMITS).tree()
}
