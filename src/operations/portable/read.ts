/** Reads files of XEP-0227, included ones too, as a stream of hosts, users and what they have. */
import { createReadStream } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TidingsError } from '../../core/errors.ts'
import { DocumentReader } from '../../xml/document.ts'
import type { ReaderLimits } from '../../xml/limits.ts'
import { NS } from '../../xml/ns.ts'
import { StreamError } from '../../xml/stream-error.ts'
import type { TopElement } from '../../xml/top-element.ts'
import { included } from './files.ts'

/** What is met. */
export type Found =
  /** `file`: where it begins, if it has that file for itself. */
  | { readonly kind: 'host'; readonly jid: string; readonly file: string | undefined }
  | {
      readonly kind: 'user'
      readonly name: string
      readonly password: string | undefined
      readonly file: string | undefined
    }
  | { readonly kind: 'user-end' }
  /** `within`: the name of the child of the user that it is a child of. */
  | { readonly kind: 'part'; readonly element: TopElement; readonly within: string | undefined }
  /** What was not understood. */
  | { readonly kind: 'ignored'; readonly what: string }

/** One element may have so much: an archive, or a picture, may be large, but a file is not to fill the memory. */
const LIMITS: ReaderLimits = {
  stanzaBytes: 16 * 1024 * 1024,
  depth: 256,
  attributes: 256,
  children: 1_000_000,
  nameBytes: 1_024,
}
/** Containers by how many are around them: names and namespaces. */
const CONTAINERS: readonly (readonly (readonly [string, string])[])[] = [
  [['server-data', NS.portable]],
  [['host', NS.portable]],
  [['user', NS.portable]],
  [
    ['offline-messages', NS.portable],
    ['archive', NS.portableArchive],
  ],
]
/** The root of a main file. */
const MAIN = 'server-data'
/** Containers that includes are looked for in: XEP-0227 §5. */
const INCLUDING = 3

/** Where a reader is. */
interface At {
  readonly file: string
  readonly root: string
  /** Names of the containers around. */
  readonly around: readonly string[]
  /** Files that include this one, itself included. */
  readonly files: readonly string[]
  /** Whether it is one of several, and need not be a main one. */
  readonly several: boolean
}

/** Reads a file, or a folder: its main file, or all files of a folder without one. */
export async function* readPortable(path: string): AsyncGenerator<Found> {
  const real = await realpath(path).catch((cause: NodeJS.ErrnoException) => {
    throw new TidingsError('TIDINGS_IMPORT_FILE', `${path} cannot be read (${cause.code})`, { cause })
  })
  const isFolder = (await stat(real)).isDirectory()
  const root = isFolder ? real : dirname(real)
  const files = isFolder ? await filesOf(real) : [real]
  // Of several only the main ones are wanted: they include the others.
  const several = files.length > 1
  for (const file of files) yield* read({ file, root, around: [], files: [file], several })
}

async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  if (names.includes('export.json') && !names.includes('server-data.xml'))
    throw new TidingsError(
      'TIDINGS_IMPORT_FILE',
      `${folder} holds no whole export: there is no server-data.xml; finish the export first`,
    )
  const own = names.includes('server-data.xml')
    ? ['server-data.xml']
    : names.filter(name => name.endsWith('.xml'))
  if (own.length === 0)
    throw new TidingsError('TIDINGS_IMPORT_FILE', `${folder} holds no file that could be imported`)
  return own.sort().map(name => join(folder, name))
}

async function* read(at: At): AsyncGenerator<Found> {
  const { file, around } = at
  const names = [...around]
  const reader = new DocumentReader(LIMITS, (name, ns, level) => isContainer(name, ns, around.length + level))
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      reader.push(chunk)
      for (let item = reader.next(); item !== undefined; item = reader.next()) {
        if (item.kind === 'close') {
          if (names.length === 3) yield { kind: 'user-end' }
          names.pop()
        } else if (item.kind === 'open') {
          if (names.length === 0 && item.name !== MAIN) {
            if (at.several) return
            throw notMain(file)
          }
          names.push(item.name)
          const value = (name: string) => item.attributes.find(one => one.name === name)?.value
          const own = names.length === around.length + 1 ? file : undefined
          if (names.length === 2) yield { kind: 'host', jid: value('jid') ?? '', file: own }
          if (names.length === 3)
            yield { kind: 'user', name: value('name') ?? '', password: value('password'), file: own }
        } else if (names.length <= INCLUDING && item.name === 'include' && item.ns === NS.include)
          yield* include(item, { ...at, around: names })
        else if (names.length === 0) throw notMain(file)
        else if (names.length < 3) yield { kind: 'ignored', what: `<${item.name} xmlns="${item.ns}"/>` }
        else yield { kind: 'part', element: item, within: names[3] }
      }
    }
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    throw new TidingsError(
      'TIDINGS_IMPORT_FILE',
      `${file} is not what XEP-0227 asks for (${error.message})`,
      {
        cause: error,
      },
    )
  }
  if (!reader.done) throw new TidingsError('TIDINGS_IMPORT_FILE', `${file} ends before it is complete`)
}

function isContainer(name: string, ns: string, level: number): boolean {
  // A file of a host may be too large to be read as one element, also where it is not wanted.
  const possible = level === 0 ? CONTAINERS.slice(0, INCLUDING).flat() : (CONTAINERS[level] ?? [])
  return possible.some(one => one[0] === name && one[1] === ns)
}

function notMain(file: string): TidingsError {
  return new TidingsError('TIDINGS_IMPORT_FILE', `${file} is no <server-data/> of XEP-0227`)
}

async function* include(element: TopElement, at: At): AsyncGenerator<Found> {
  const href = element.attribute('href')
  // XEP-0227 §5: others need not be supported.
  if (
    href === undefined ||
    element.attribute('parse') !== undefined ||
    element.attribute('xpointer') !== undefined
  )
    return yield { kind: 'ignored', what: '<include/> of another kind' }
  const file = await included(at.file, href, at.root)
  if (at.files.includes(file))
    throw new TidingsError('TIDINGS_IMPORT_INCLUDE', `${at.file} includes "${href}", which includes it`)
  yield* read({ ...at, file, files: [...at.files, file] })
}
