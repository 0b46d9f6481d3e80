/** The keys of extensions, made from the options that they declare. */
import type { Extension } from '../core/extension.ts'
import { type Leaf, type Section, section, switchable } from './fields.ts'

/** Options of one extension, or false for an extension that is switched off. */
export type ExtensionValues = Readonly<Record<string, unknown>> | false

/** Of all extensions there are, by name. */
export type AllValues = Readonly<Record<string, ExtensionValues>>

/** Of extensions, what a host says itself: options without those that it leaves out; undefined where it says nothing. */
export type OwnValues = Readonly<Record<string, ExtensionValues | undefined>>

/** Their keys for all hosts: options with their defaults. */
export function extensionFields(
  extensions: readonly Extension[],
): Section<Record<string, Section<Record<string, Leaf>, false>>, never> {
  const fields = extensions.map(({ name, doc, options, optIn = false, follows = [] }) => {
    const off = follows.map(one => `; off where \`${one.name}\` is, unless it is named here`)
    return [name, switchable(doc + off.join(''), !optIn, { ...options } as Record<string, Leaf>)] as const
  })
  return section(
    'Extensions by name: their options, or `false` to switch one off.',
    Object.fromEntries(fields),
  )
}

/** The same keys at a host: nothing has a default, since what is not written is as it is for all hosts. */
export function ownExtensionFields(extensions: readonly Extension[]): Section {
  const fields = extensions.map(({ name, doc, options = {} }) => {
    const own = Object.entries(options).map(([key, one]) => [key, { ...one, default: undefined }] as const)
    return [
      name,
      { ...switchable(doc, false, Object.fromEntries(own)), absent: { value: undefined } },
    ] as const
  })
  const doc =
    'Options of extensions for this host alone, in place of those in `extensions`, key by key. `false` switches one off here; a mapping, though empty, switches it on.'
  return { ...section(doc, Object.fromEntries(fields)), like: 'extensions' }
}
