/** slixmpp of Debian, as a process that slixmpp-driver.py runs. Version 1.8.3 gets in by PLAIN over TLS (6120-slixmpp-fallback.dialogue says why). */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { type ChatClient, type ClientKind, Inbox, SignInFailed, within } from './chat-client.ts'

/** Debian's own Python: another one before it in PATH does not see Debian's modules. */
export const PYTHON = '/usr/bin/python3'
const DRIVER = join(import.meta.dirname, 'slixmpp-driver.py')

/** Why slixmpp cannot be used here; false if it can. */
export function withoutSlixmpp(): string | false {
  const { status } = spawnSync(PYTHON, ['-c', 'import slixmpp'])
  return status === 0 ? false : 'python3-slixmpp is not installed; as root: apt-get install python3-slixmpp'
}

export const slixmpp: ClientKind = {
  name: 'slixmpp',
  connect({ address, password, resource, port, direct, trusted }) {
    const mode = direct ? 'direct' : 'starttls'
    const args = [DRIVER, `${address}/${resource}`, password, String(port), mode, trusted]
    return connected(spawn(PYTHON, args, { stdio: ['pipe', 'pipe', 'ignore'] }))
  },
}

/** A line of the driver. */
interface DriverEvent {
  readonly event: string
  readonly jid?: string
  readonly sender?: string
  readonly body?: string
  readonly delayed?: string | null
  readonly condition?: string
  readonly text?: string
}

async function connected(child: ChildProcessByStdio<Writable, Readable, null>): Promise<ChatClient> {
  const inbox = new Inbox()
  const session = Promise.withResolvers<string>()
  const ended = Promise.withResolvers<string>()
  const pongs: (() => void)[] = []
  let condition = 'closed'
  let refusal = 'no mechanism'
  const handlers: Record<string, (event: DriverEvent) => void> = {
    session: ({ jid = '' }) => session.resolve(jid),
    message: ({ sender = '', body = '', delayed }) =>
      inbox.push({ from: sender, body, delayed: delayed ?? undefined }),
    pong: () => pongs.shift()?.(),
    failed: event => (refusal = event.condition ?? refusal),
    refused: () => session.reject(new SignInFailed(refusal)),
    certificate: ({ text }) => session.reject(new SignInFailed('certificate', text)),
    error: event => (condition = event.condition ?? condition),
    disconnected() {
      ended.resolve(condition)
      child.kill()
    },
  }
  createInterface(child.stdout).on('line', line => {
    const event = JSON.parse(line) as DriverEvent
    handlers[event.event]?.(event)
  })
  child.on('exit', () => session.reject(new Error('slixmpp has ended')))
  const order = (command: object): void => void child.stdin.write(`${JSON.stringify(command)}\n`)
  const jid = await within(session.promise, 'slixmpp to sign in').catch((error: unknown) => {
    child.kill()
    throw error
  })
  return {
    jid,
    send: (to, body) => order({ send: to, body }),
    next: () => inbox.next(),
    unread: inbox.unread,
    settle() {
      const { promise, resolve } = Promise.withResolvers<void>()
      pongs.push(resolve)
      order({ ping: jid.replace(/^.*@|\/.*$/g, '') })
      return within(promise, 'a ping')
    },
    ended: ended.promise,
    async close() {
      order({ close: true })
      await within(ended.promise, 'slixmpp to disconnect')
    },
  }
}
