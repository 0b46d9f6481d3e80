/** What a key of the configuration may hold, as data: checked by check.ts, documented by describe.ts. */
import { type Option, option } from '../core/options.ts'
import type { Format } from './formats.ts'

/** A key with a single value, or a list of texts. Options of extensions are such keys. */
export interface Leaf<T = unknown> extends Option<T> {
  /** What a text, or each text of a list, must look like. */
  readonly format?: Format
  /** `false` may be written instead: switched off. */
  readonly off?: boolean
  /** `auto` may be written instead: the server finds out by itself. */
  readonly auto?: boolean
  /** It must be there where its section is. */
  readonly required?: boolean
  /** A text may stand for a list of one. */
  readonly single?: boolean
  /** The default in words, where it depends on other keys. */
  readonly defaultDoc?: string
  readonly later?: Later
}

/** Keys below a key. `Instead` is what the whole may be other than a section: `false`, or absent. */
export interface Section<F extends Fields = Fields, Instead = unknown> {
  readonly kind: 'section'
  readonly doc: string
  readonly fields: F
  /** `false` may be written instead: switched off. */
  readonly off?: boolean
  /** What it is when absent: its keys with their defaults, or nothing of it. */
  readonly absent: { readonly defaults: true } | { readonly value: Instead }
  /** The key at the top of the file that takes the same and is described instead. */
  readonly like?: string
  readonly later?: Later
}

/** A list of sections. */
export interface List<S extends Section = Section> {
  readonly kind: 'list'
  readonly doc: string
  readonly of: S
  /** The list when the key is absent; also shown in the reference. Unless it is empty, an empty list may not be written either. */
  readonly default: readonly Value<S>[]
  readonly later?: Later
}

/** Texts under free keys. */
export interface Dictionary {
  readonly kind: 'dictionary'
  readonly doc: string
  /** What the keys and the values must look like. */
  readonly keys: Format
  readonly values: Format
  readonly later?: Later
}

/** A key that is accepted already and does something in a later version: the feature it waits for. */
export interface Later {
  readonly feature: string
  /** Only these values wait; the others work. */
  readonly values?: readonly string[]
}

export type Field = Leaf | Section | List | Dictionary
export type Fields = Readonly<Record<string, Field>>

/** What a checked key holds. */
export type Value<F> =
  F extends Leaf<infer T>
    ? T
    : F extends Section<infer S, infer Instead>
      ? Values<S> | Instead
      : F extends List<infer S>
        ? readonly Value<S>[]
        : F extends Dictionary
          ? Readonly<Record<string, string>>
          : never

/** What checked keys hold. */
export type Values<F extends Fields> = { readonly [K in keyof F]: Value<F[K]> }

/** A section that is always there: absent keys have their defaults. */
export function section<const F extends Fields>(doc: string, fields: F): Section<F, never> {
  return { kind: 'section', doc, fields, absent: { defaults: true } }
}

/** A section that is there only when written. */
export function optionalSection<const F extends Fields>(doc: string, fields: F): Section<F, undefined> {
  return { kind: 'section', doc, fields, absent: { value: undefined } }
}

/** A section that can be switched off with `false`; `on` says what it is when absent. */
export function switchable<const F extends Fields>(doc: string, on: boolean, fields: F): Section<F, false> {
  return { kind: 'section', doc, fields, off: true, absent: on ? { defaults: true } : { value: false } }
}

/** A text that must be there where its section is. */
export function requiredText(doc: string, format?: Format): Leaf<string> {
  return { kind: 'text', doc, default: '', required: true, ...(format && { format }) }
}

/** A limit: a number of something, or `false` for none. */
export function limit(
  doc: string,
  value: number | false,
  unit: string,
  min = 1,
  max = Number.MAX_SAFE_INTEGER,
): Leaf<number | false> {
  return { kind: 'integer', doc, default: value, unit, min, max, off: true }
}

/** Marks a key, or some values of it, whose feature comes later. */
export function later<F extends Field>(field: F, feature: string, values?: readonly string[]): F {
  return { ...field, later: { feature, ...(values && { values }) } }
}

export const { integer, choice, text } = option
