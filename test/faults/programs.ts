/** The whole program with mistakes, for tests that must catch them. */
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Mutation, replaceIn } from './preload.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Copies the program into a folder, with mistakes; the path of its entry. Files are named from `src` on. */
export function mutateProgram(folder: string, mutations: readonly Mutation[]): string {
  for (const part of ['bin', 'config', 'src', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const mutation of mutations) replaceIn(join(folder, 'src', mutation.file), mutation)
  return join(folder, 'bin/tidings.js')
}
