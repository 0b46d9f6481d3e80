/**
 * What `tidings user ...`, `tidings invite ...` and the running server say to each other through the control socket: one request per connection, as lines of JSON.
 *
 * Client: the request; after an import any number of `{entries}` and one `{end: true}`.
 * Server: any number of news, then one `{done}` or one `{error}`, and closes.
 */
import type { Readable, Writable } from 'node:stream'
import type { Role } from '../../auth/accounts.ts'
import type { Drain, Drained } from '../../core/drain.ts'
import { TidingsError } from '../../core/errors.ts'
import type { Survey } from '../../core/survey.ts'
import type { Changes } from '../../operations/changes.ts'

/** What is asked of the server. `jid` is not checked yet. */
export type Request =
  | { readonly op: 'user.add'; readonly jid: string; readonly password: string; readonly role?: Role }
  | { readonly op: 'user.remove'; readonly jid: string }
  | { readonly op: 'user.passwd'; readonly jid: string; readonly password: string }
  | { readonly op: 'user.list' }
  | { readonly op: 'user.import'; readonly sharedSalt?: boolean }
  | { readonly op: 'roster.import' }
  | ({ readonly op: 'invite.create' } & InvitationWish)
  | { readonly op: 'invite.list' }
  | { readonly op: 'invite.revoke'; readonly id: string }
  | { readonly op: 'keys.list'; readonly jid: string }
  | { readonly op: 'keys.remove'; readonly jid: string; readonly device: number }
  /** `to`: an absolute path. */
  | { readonly op: 'backup'; readonly to: string }
  /** Send all clients and slots away. */
  | ({ readonly op: 'drain' } & Drain)
  /** Write all users into the folder `to`, or take users in from a file or a folder; absolute paths. */
  | { readonly op: 'export'; readonly to: string }
  | { readonly op: 'import'; readonly from: string }
  /** Read the configuration again. */
  | { readonly op: 'reload' }
  /** How the nodes of the cluster are. */
  | { readonly op: 'cluster' }
  /** What runs. */
  | { readonly op: 'status' }
  /** Look for damage in the storage. */
  | { readonly op: 'verify' }

/** What an invitation is to be like; nothing of it is checked yet. */
export interface InvitationWish {
  /** Absent: the contact's, or the first host. */
  readonly host?: string
  readonly name?: string
  /** The address of an account that becomes a contact. */
  readonly contact?: string
  /** How long it is good, in milliseconds. Absent: as configured. */
  readonly lifetime?: number
}

/** A new invitation: the only time its token is told. */
export interface NewInvitationLinks {
  /** For apps. */
  readonly uri: string
  /** The landing page, where there is one. */
  readonly page?: string
  /** Accounts that can be made with it. */
  readonly uses: number
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** An invitation in a list. */
export interface InvitationLine {
  readonly id: string
  readonly host: string
  readonly name?: string
  readonly inviter?: string
  /** Which account has made it, where that was not the operator. */
  readonly by?: string
  readonly uses: number
  /** Milliseconds since 1970. */
  readonly expires: number
  /** Names of the accounts that were made with it, and addresses of contacts from elsewhere. */
  readonly accounts: readonly string[]
}

/** A device of an account. */
export interface DeviceKeysLine {
  readonly device: number
  /** Of those that have keys at the server. */
  readonly keys?: {
    /** Keys that can still be given. */
    readonly left: { readonly oneTime: number; readonly kyber: number }
    /** Milliseconds since 1970. */
    readonly added: number
    readonly changed: number
  }
  /** Whether it stands in a list of OMEMO. */
  readonly omemo: boolean
}

/** One line of a file to import. */
export interface ImportLine {
  /** Where it starts in the file, from 1. */
  readonly line: number
  readonly jid: string
  readonly password: string
}

/** One line of a file of contacts. */
export interface ContactLine {
  readonly line: number
  readonly jid: string
  readonly contact: string
  readonly subscription: string
}

/** One line of whatever is imported. */
export type AnyLine = ImportLine | ContactLine

/** What is told before a request is done. */
export type News =
  | { readonly accounts: readonly { readonly jid: string; readonly role: Role }[] }
  | { readonly invitations: readonly InvitationLine[] }
  | { readonly devices: readonly DeviceKeysLine[] }
  | { readonly imported: number }
  | { readonly progress: { readonly done: number; readonly total?: number } }
  | { readonly notice: string }
  | { readonly refused: { readonly line: number; readonly code: string; readonly text: string } }

/** What a running server says of itself. */
export interface Status {
  readonly pid: number
  /** The port of each listener by its name in the configuration. */
  readonly ports: Readonly<Record<string, number | undefined>>
}

/** What a request came to. */
export interface Done {
  readonly created?: number
  readonly refused?: number
  readonly invitation?: NewInvitationLinks
  /** What is wrong with the storage, a line each. */
  readonly findings?: readonly string[]
  readonly status?: Status
  readonly changes?: Changes
  /** Users that were exported or imported, and those that had been before. */
  readonly moved?: number
  readonly skipped?: number
  readonly drained?: Drained
  readonly survey?: Survey
}

/** Everything that can stand on a line. */
export type Frame =
  | Request
  | News
  | { readonly entries: readonly AnyLine[] }
  | { readonly end: true }
  | { readonly done: Done }
  | { readonly error: { readonly code: string; readonly text: string } }

/** Longest line either side takes: some thousand entries, or one account with a long password. */
const MAX_LINE_BYTES = 4 * 1024 * 1024
const NEWLINE = 0x0a

/** The frames of a stream, until it ends. Throws a TidingsError `TIDINGS_CONTROL_PROTOCOL` on what is none. */
export async function* readFrames(input: Readable): AsyncGenerator<Frame> {
  let parts: Buffer[] = []
  let size = 0
  // Whoever has read enough may still write.
  const chunks: AsyncIterable<Buffer> = input.iterator({ destroyOnReturn: false })
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end))
      yield parseFrame(Buffer.concat(parts).toString())
      parts = []
      size = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > MAX_LINE_BYTES) throw protocolError('a line is too long')
  }
}

/** Writes a frame. Resolves when there is room for the next, or when the stream is gone: whoever reads from it finds that out. */
export async function writeFrame(output: Writable, frame: Frame): Promise<void> {
  if (output.destroyed || output.write(`${JSON.stringify(frame)}\n`)) return
  const { promise, resolve } = Promise.withResolvers<void>()
  output.once('drain', resolve).once('close', resolve)
  await promise
  output.off('drain', resolve).off('close', resolve)
}

function parseFrame(line: string): Frame {
  try {
    const frame: unknown = JSON.parse(line)
    if (typeof frame === 'object' && frame !== null) return frame as Frame
  } catch {
    // Told below, without the line: it may hold a password.
  }
  throw protocolError('a line is no JSON object')
}

function protocolError(what: string): TidingsError {
  return new TidingsError(
    'TIDINGS_CONTROL_PROTOCOL',
    `${what}: are both sides of the control socket the same version?`,
  )
}
