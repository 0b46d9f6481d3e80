/** What a QR code says, as the bytes that are drawn: ISO/IEC 18004 clauses 7.4 to 7.6. Byte mode, error correction level M. */
import { correctionOf } from './reed-solomon.ts'

interface Version {
  /** Bytes of data in each block. */
  readonly blocks: readonly number[]
  /** Bytes of error correction of each block. */
  readonly correction: number
}

/** ISO/IEC 18004 table 9, level M, versions 1 to 10: up to 213 bytes, more than any link here. */
const VERSIONS: readonly Version[] = [
  { blocks: [16], correction: 10 },
  { blocks: [28], correction: 16 },
  { blocks: [44], correction: 26 },
  { blocks: [32, 32], correction: 18 },
  { blocks: [43, 43], correction: 24 },
  { blocks: [27, 27, 27, 27], correction: 16 },
  { blocks: [31, 31, 31, 31], correction: 18 },
  { blocks: [38, 38, 39, 39], correction: 22 },
  { blocks: [36, 36, 36, 37, 37], correction: 22 },
  { blocks: [43, 43, 43, 43, 44], correction: 26 },
]
const BYTE_MODE = 0b0100
const PADDING = [0xec, 0x11] as const

/** The bytes to draw. */
export interface Codewords {
  /** 1 to 10: the size of the code. */
  readonly version: number
  readonly bytes: readonly number[]
}

/** The smallest code that holds the text; undefined if none here does. */
export function codewordsOf(text: string): Codewords | undefined {
  const content = [...Buffer.from(text)]
  const index = VERSIONS.findIndex((version, i) => content.length <= capacity(version) - headBytes(i + 1))
  const version = VERSIONS[index]
  if (version === undefined) return undefined
  const rest = padded(content, index + 1, capacity(version))
  const blocks = version.blocks.map(size => rest.splice(0, size))
  const corrections = blocks.map(block => correctionOf(block, version.correction))
  return { version: index + 1, bytes: [...interleaved(blocks), ...interleaved(corrections)] }
}

function capacity({ blocks }: Version): number {
  return blocks.reduce((sum, size) => sum + size, 0)
}

/** Mode (4 bits) and length (8 bits, from version 10 on 16), and the 4 bits that end the text. */
function headBytes(version: number): number {
  return version < 10 ? 2 : 3
}

function padded(content: readonly number[], version: number, size: number): number[] {
  const length = version < 10 ? [content.length] : [content.length >> 8, content.length & 0xff]
  // Everything behind the mode is shifted by half a byte; the last half is the end mark.
  const halves = [BYTE_MODE, ...[...length, ...content].flatMap(byte => [byte >> 4, byte & 0xf]), 0]
  const bytes: number[] = []
  for (let i = 0; i < halves.length; i += 2) bytes.push((halves[i]! << 4) | halves[i + 1]!)
  for (let i = 0; bytes.length < size; i++) bytes.push(PADDING[i % 2]!)
  return bytes
}

/** The first byte of each block, then the second of each ...: a spot on the code spoils a little of each. */
function interleaved(blocks: readonly (readonly number[])[]): number[] {
  const longest = Math.max(...blocks.map(block => block.length))
  const all: number[] = []
  for (let i = 0; i < longest; i++) for (const block of blocks) if (i < block.length) all.push(block[i]!)
  return all
}
