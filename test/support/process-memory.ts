/** What another process of the same user has in its memory. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** Read at once, and how much of it is read again with what follows. */
const CHUNK = 16 * 1024 * 1024
const OVERLAP = 256

/** Which of these texts a process has anywhere in memory that it can write to; undefined where that cannot be read (Linux alone lets one). */
export function memoryHolds(
  pid: number,
  texts: readonly Buffer[],
): { readonly held: ReadonlySet<Buffer>; readonly bytes: number } | undefined {
  if (process.platform !== 'linux') return undefined
  const held = new Set<Buffer>()
  let bytes = 0
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const chunk = Buffer.alloc(CHUNK)
  try {
    for (const [, from, to] of readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(
      /^([0-9a-f]+)-([0-9a-f]+) rw/gm,
    ))
      for (let at = BigInt(`0x${from}`); at < BigInt(`0x${to}`); at += BigInt(CHUNK - OVERLAP)) {
        const length = Math.min(CHUNK, Number(BigInt(`0x${to}`) - at))
        const read = readInto(memory, chunk.subarray(0, length), at)
        bytes += read
        for (const text of texts) if (chunk.subarray(0, read).includes(text)) held.add(text)
      }
  } finally {
    closeSync(memory)
  }
  return { held, bytes }
}

/** Nothing of what is not there any more. */
function readInto(memory: number, into: Buffer, at: bigint): number {
  try {
    return readSync(memory, into, 0, into.length, at)
  } catch {
    return 0
  }
}
