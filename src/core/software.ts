import { readFileSync } from 'node:fs'

/** What this program calls itself, wherever it has to say so. The version is that of package.json. */
export const software: { readonly name: string; readonly version: string; readonly uri: string } = {
  name: 'Tidings',
  // XEP-0115 §4: "uniquely identifies a software application"; the project has no page on the web whose address could do it.
  uri: 'urn:uuid:5b0c7e3a-9d0f-4b7e-8f0a-6f1d0c6a2e94',
  version: (
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  ).version,
}
