/** Writes all users of a server into a folder: XEP-0227, and beside it what that has no form for. */
import { access, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TidingsError } from '../../core/errors.ts'
import { software } from '../../core/software.ts'
import { xml } from '../../xml/element.ts'
import { escapeValue } from '../../xml/escape.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { printAlone } from '../../xml/stored.ts'
import { fileName, hrefOf, writeWhole } from './files.ts'
import { linesOf } from './lines.ts'
import { HASHES, type MoveResult, type Premises, type Witness } from './types.ts'

/** XEP-0227 §5.1 leaves the name open. Written last: a folder without it is no whole export. */
const MAIN = 'server-data.xml'
/** Says what a folder holds that is not whole. */
const BEGUN = 'export.json'
const PAGE = 500
const DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n"

/** Exports into a folder, which is made; one that was broken off goes on where it was. `source` says which data these are. */
export async function exportTo(
  folder: string,
  source: string,
  premises: Premises,
  witness: Witness,
): Promise<MoveResult> {
  await openFolder(folder, source)
  const total = await count(premises)
  const result = { moved: 0, skipped: 0 }
  const hosts: string[] = []
  for (const host of premises.hosts) {
    const users: string[] = []
    const directory = join(folder, fileName(host))
    await mkdir(directory, { recursive: true, mode: 0o700 })
    for await (const jid of accountsOf(premises, host)) {
      const name = fileName(jid.local)
      if (await isThere(join(directory, `${name}.xml`))) result.skipped++
      else {
        await writeWhole(join(directory, `${name}.jsonl`), linesOf(premises.storage, jid))
        await writeWhole(join(directory, `${name}.xml`), userFile(premises, jid))
        result.moved++
      }
      users.push(hrefOf(fileName(host), `${name}.xml`))
      await witness.progress(result.moved + result.skipped, total)
    }
    await writeWhole(join(folder, `${fileName(host)}.jsonl`), linesOf(premises.storage, JID.of('', host)))
    await writeWhole(
      join(folder, `${fileName(host)}.xml`),
      includes('host', users, ` jid="${escapeValue(host)}"`),
    )
    hosts.push(hrefOf(`${fileName(host)}.xml`))
  }
  await writeWhole(join(folder, MAIN), includes('server-data', hosts))
  return result
}

async function openFolder(folder: string, source: string): Promise<void> {
  const refuse = (why: string, cause?: unknown) =>
    new TidingsError('TIDINGS_EXPORT_TARGET', `${folder} ${why}`, { cause })
  const held = await mkdir(folder, { recursive: true, mode: 0o700 }).then(
    () => readdir(folder),
    (cause: NodeJS.ErrnoException) => {
      throw refuse(`cannot be made (${cause.code})`, cause)
    },
  )
  if (held.includes(MAIN)) throw refuse('holds a whole export already: an export wants a folder of its own')
  if (held.length === 0) {
    const said = { program: `${software.name} ${software.version}`, source, begun: new Date().toISOString() }
    return writeWhole(join(folder, BEGUN), [`${JSON.stringify(said, null, 2)}\n`])
  }
  const begun = await readFile(join(folder, BEGUN), 'utf8').catch((cause: unknown) => {
    throw refuse('is not empty: an export wants a folder of its own', cause)
  })
  if ((JSON.parse(begun) as { source?: unknown }).source !== source)
    throw refuse('holds another export, which was broken off: an export wants a folder of its own')
}

async function* accountsOf({ accounts }: Premises, host: string): AsyncGenerator<JID> {
  for (let after: JID | undefined; ; ) {
    const page = await accounts.list(host, after, PAGE)
    after = page.at(-1)?.jid
    if (after === undefined) return
    for (const { jid } of page) yield jid
  }
}

async function count(premises: Premises): Promise<number> {
  let total = 0
  for (const host of premises.hosts) for await (const _ of accountsOf(premises, host)) total++
  return total
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

/** XEP-0227 §5.1: nothing but an include for each. */
function* includes(name: string, hrefs: readonly string[], attributes = ''): Generator<string> {
  yield `${DECLARATION}<${name} xmlns="${NS.portable}" xmlns:xi="${NS.include}"${attributes}>\n`
  for (const href of hrefs) yield `  <xi:include href="${escapeValue(href)}"/>\n`
  yield `</${name}>\n`
}

async function* userFile(premises: Premises, jid: JID): AsyncGenerator<string> {
  const { accounts, portables } = premises
  yield `${DECLARATION}<user xmlns="${NS.portable}" name="${escapeValue(jid.local)}">\n`
  yield* credentials((await accounts.keysOf(jid)) ?? {})
  for (const portable of portables) {
    const { within } = portable
    if (within !== undefined) yield `<${within}>\n`
    for await (const piece of portable.write(premises, jid)) yield `${piece}\n`
    if (within !== undefined) yield `</${within}>\n`
  }
  yield '</user>\n'
}

/** XEP-0227 §4.3 */
function* credentials(keys: Awaited<ReturnType<Premises['accounts']['keysOf']>> & {}): Generator<string> {
  for (const hash of HASHES) {
    const own = keys[hash]
    if (own === undefined) continue
    const element = xml(
      'scram-credentials',
      { xmlns: NS.portableScram, mechanism: `SCRAM-${hash}` },
      xml('iter-count', {}, String(own.iterations)),
      xml('salt', {}, own.salt.toString('base64')),
      xml('server-key', {}, own.serverKey.toString('base64')),
      xml('stored-key', {}, own.storedKey.toString('base64')),
    )
    yield `${printAlone(element)}\n`
  }
}
