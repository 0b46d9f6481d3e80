/** All extensions with their files, for the checks and the generators. No server runs. */
import { existsSync } from 'node:fs'
import type { Extension } from '../src/core/extension.ts'
import { extensions } from '../src/extensions/index.ts'

/** An extension and where it is, relative to the root of the project. */
export interface LocatedExtension {
  readonly extension: Extension
  readonly file: string
}

/** The extensions in load order. An extension called `ping` is `ping.ts` or `ping/index.ts` of src/extensions. */
export function locatedExtensions(): LocatedExtension[] {
  return extensions.map(extension => {
    const candidates = [`src/extensions/${extension.name}.ts`, `src/extensions/${extension.name}/index.ts`]
    const file = candidates.find(one => existsSync(new URL(`../${one}`, import.meta.url)))
    if (file === undefined)
      throw new Error(
        `extension "${extension.name}" is neither ${candidates.join(' nor ')}: one name for both`,
      )
    return { extension, file }
  })
}
