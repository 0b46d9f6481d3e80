/** Names and modes of the files of an export, and the place of a file that another one includes. */
import { createHash } from 'node:crypto'
import { open, realpath, rename } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { TidingsError } from '../../core/errors.ts'

/** What no file system, or only some, can have in a name; and a dot that would hide it, or make it a folder. */
const UNFIT = /[/\\:*?"<>|%]|\p{Cc}|^\./gu
/** A name of more bytes is told by its hash. */
const MOST_BYTES = 200

/** The name of a file for a part of an address, without an ending. XEP-0227 §5.1: what a file system cannot hold is written otherwise. */
export function fileName(part: string): string {
  const name = part.replace(UNFIT, one => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
  if (Buffer.byteLength(name) <= MOST_BYTES) return name
  return `%${createHash('sha256').update(part).digest('hex')}`
}

/** The href of a file below the one that includes it. */
export function hrefOf(...names: readonly string[]): string {
  return names.map(encodeURIComponent).join('/')
}

/** The file that an href names: XEP-0227 §5, a relative one. Throws a TidingsError where that is none, or leads out of the folder `root`. */
export async function included(from: string, href: string, root: string): Promise<string> {
  const wrong = (why: string, cause?: unknown) =>
    new TidingsError('TIDINGS_IMPORT_INCLUDE', `${from} includes "${href}": ${why}`, { cause })
  const names = href.split('/').map(name => {
    try {
      return decodeURIComponent(name)
    } catch (cause) {
      throw wrong('that is no address of a file', cause)
    }
  })
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(href) || /[?#]/.test(href) || names.some(isUnfit))
    throw wrong('only files in the same folder and below it are read')
  const file = join(dirname(from), ...names)
  const real = await realpath(file).catch((cause: NodeJS.ErrnoException) => {
    throw wrong(`it cannot be read (${cause.code})`, cause)
  })
  // A link may lead anywhere.
  if (!real.startsWith(root + sep)) throw wrong('only files in the same folder and below it are read')
  return real
}

function isUnfit(name: string): boolean {
  return name === '' || name === '.' || name === '..' || /[/\\]|\p{Cc}/u.test(name)
}

/** Writes a file as a whole: under another name first, for its owner alone, safe on the disk before it gets its name. */
export async function writeWhole(
  file: string,
  pieces: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  const part = join(dirname(file), `.${basename(file)}.part`)
  const handle = await open(part, 'w', 0o600)
  try {
    let text = ''
    for await (const piece of pieces) {
      text += piece
      if (text.length < 65_536) continue
      await handle.write(text)
      text = ''
    }
    await handle.write(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, file)
}
