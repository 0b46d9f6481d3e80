/** What becomes of extensions when others are off. */
import type { Extension } from '../core/extension.ts'
import type { AllValues } from './extension-fields.ts'

/** An extension that nobody named and that is off since the one that it follows is. */
export interface Follower {
  readonly extension: string
  readonly follows: string
  /** The only host where it is so; absent: all for which nothing else is said. */
  readonly host?: string
}

/** Values with the followers that are off. */
export function withFollowers(values: AllValues, followers: readonly Follower[]): AllValues {
  return { ...values, ...Object.fromEntries(followers.map(({ extension }) => [extension, false as const])) }
}

/** Finds them. `isNamed`: whether the configuration says anything of an extension itself. */
export function followersOf(
  values: AllValues,
  extensions: readonly Extension[],
  isNamed: (extension: string) => boolean,
): Follower[] {
  const followers: Follower[] = []
  const isOff = (name: string): boolean =>
    values[name] === false || followers.some(({ extension }) => extension === name)
  // In load order: whoever is followed comes first.
  for (const { name, follows = [] } of extensions) {
    const off = isNamed(name) ? undefined : follows.find(one => isOff(one.name))
    if (off !== undefined) followers.push({ extension: name, follows: off.name })
  }
  return followers
}

/** An extension, and one that it needs and that is off. */
export interface Lack {
  readonly extension: string
  readonly needs: string
}

/** Extensions that are on and can't be without one that is off. */
export function lacking(values: AllValues, extensions: readonly Extension[]): Lack[] {
  return extensions
    .filter(({ name }) => values[name] !== false)
    .flatMap(({ name, requires = [], follows = [] }) =>
      [...requires, ...follows]
        .filter(needed => values[needed.name] === false)
        .map(needed => ({ extension: name, needs: needed.name })),
    )
}
