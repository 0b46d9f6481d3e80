#!/usr/bin/env node
/**
 * The command line's entry. Plain JavaScript that old versions of Node can run: it starts the pinned one (npm package `node`)
 * if the machine's is older, with the options that a server wants of V8, and then the program: its TypeScript in a checkout, `dist`
 * in a published package.
 */
import { existsSync, readFileSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const { dependencies, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/**
 * How V8 collects (docs/decisions/0012): short-lived objects in a space of 16 MiB, where messages that wait to be stored need not be copied
 * time and again, swept by one thread, since more of them cost more processor time than they save; and all objects when the server asks for it.
 * Those of `npm start`, which need not start Node twice then. Whoever sets the size by NODE_OPTIONS has decided otherwise.
 */
const SERVER_OPTIONS = scripts.start.split(' ').filter(word => word.startsWith('--'))

if (Number.parseInt(process.versions.node, 10) < pinnedMajor())
  await startNode(pinnedNode(), missingOptions())
else if (canReplaceProcess() && missingOptions().length > 0)
  await startNode(process.execPath, [...process.execArgv, ...missingOptions()])
else await startProgram()

/** The options of Node that this process lacks. V8 takes them only when it starts. */
function missingOptions() {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ')
  return process.argv[2] === 'start'
    ? SERVER_OPTIONS.filter(option => !given.includes(option.split('=')[0]))
    : []
}

/** The major version of Node that package.json asks for. */
function pinnedMajor() {
  return Number(/\d+/.exec(dependencies.node)?.[0])
}

async function startProgram() {
  if (process.argv[2] === 'start') interpret()
  useCompileCache()
  // Whoever reads may have seen enough: `tidings user list | head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const source = join(root, 'src/cli/index.ts')
  const program = existsSync(source) ? source : join(root, 'dist/cli/index.js')
  const { run } = await import(pathToFileURL(program).href)
  process.exitCode = await run(process.argv.slice(2))
}

/**
 * Has V8 interpret: nothing that runs until a server listens is worth machine code, and it saves 10 MiB. The server takes this back
 * (src/v8.ts). Before the cache, which is for code of the same options; as options of the process these would be for good,
 * since Maglev then never gets its thread.
 */
function interpret() {
  for (const compiler of ['opt', 'maglev', 'sparkplug']) setFlagsFromString(`--no-${compiler}`)
}

/**
 * Keeps compiled code, and TypeScript without its types: without it each thread loads a compiler of 17 MiB for that.
 * Below the package and not in the folder for temporary files, where others could leave code for us to run.
 */
function useCompileCache() {
  const folder = process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules/.cache/tidings')
  // Worker threads look at the variable.
  process.env.NODE_COMPILE_CACHE = folder
  module.enableCompileCache(folder)
}

function canReplaceProcess() {
  return typeof process.execve === 'function' && process.platform !== 'win32'
}

/** Runs this file again with this executable and its options, in place of this process where Node can do that (22.15 and later). */
async function startNode(node, options) {
  const args = [...options, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  if (canReplaceProcess()) process.execve(node, [node, ...args], process.env)
  const { spawn } = await import('node:child_process')
  const child = spawn(node, args, { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR2'])
    process.on(signal, () => {
      // Ctrl-C in a terminal goes to the child as well, but `kill` reaches only this process. The child takes two at once for one.
      child.kill(signal)
    })
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal]
  })
}

/** The executable of the npm package `node`. */
function pinnedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'))
    const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const node = join(folder, typeof bin === 'string' ? bin : bin.node)
    if (existsSync(node)) return node
  } catch {
    // Told below.
  }
  process.stderr.write(
    `tidings: this needs Node ${pinnedMajor()} or later, and neither is it the one that runs (${process.version}), nor is the npm package "node" installed: run "npm ci" without --ignore-scripts [TIDINGS_NODE_VERSION]\n`,
  )
  process.exit(1)
}
