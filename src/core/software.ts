import { readFileSync } from 'node:fs'

/** What this program calls itself, wherever it has to say so. The version is that of package.json. */
export const software: { readonly name: string; readonly version: string } = {
  name: 'Tidings',
  version: (
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  ).version,
}
