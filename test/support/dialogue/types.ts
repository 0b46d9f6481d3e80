/** What a dialogue file says, once parsed. */
import type { Over } from './transport.ts'

/** A client of a dialogue. Without an address it is a bare connection: its stream is scripted by hand. */
export interface ClientSpec {
  readonly name: string
  /** `alice@localhost` or, to ask for a resource, `alice@localhost/home`. */
  readonly address: string | undefined
  readonly password: string
  readonly over: Over
  /** What else the dialogue may be played over. */
  readonly others: readonly Over[]
  /** Whether it begins with TLS (direct TLS), asks for it (STARTTLS), or does neither unless it must. */
  readonly tls: 'direct' | 'starttls' | undefined
  /** `xml:lang` of its stream header. */
  readonly lang: string | undefined
  /** Whether its account is an administrator's. */
  readonly admin: boolean
}

/** One step; `line` is where it stands in the file, `text` how it is written there. */
export type Step = { readonly line: number; readonly text: string } & Action

export type Action =
  | { readonly do: 'connect' | 'disconnect' | 'drop' | 'open' | 'start-tls'; readonly client: string }
  /** By PLAIN, by hand up to the new stream; nothing is bound. */
  | { readonly do: 'sign-in'; readonly client: string; readonly address: string; readonly password: string }
  | { readonly do: 'online'; readonly client: string; readonly presence: string }
  /** Enters a room, under the nick of this address; `presence` is what the presence holds. */
  | { readonly do: 'enter'; readonly client: string; readonly address: string; readonly presence: string }
  /** `raw`: escapes of bytes instead of XML; `bytewise`: one byte per packet. */
  | {
      readonly do: 'send'
      readonly client: string
      readonly xml: string
      readonly raw: boolean
      readonly bytewise: boolean
    }
  | {
      readonly do: 'scram'
      /** In the elements of XEP-0388. */
      readonly sasl2: boolean
      readonly client: string
      readonly user: string
      readonly mechanism: string
      readonly password: string
    }
  | { readonly do: 'receive'; readonly client: string; readonly xml: string; readonly anyOrder: boolean }
  | { readonly do: 'receive-nothing' | 'stream-ends' | 'connection-ends'; readonly client: string }
  | { readonly do: 'wait'; readonly milliseconds: number }
  | { readonly do: 'stop-server' }
  | { readonly do: 'restart-server' }
  /** From now on the storage refuses all that reads or stores, or does it again. */
  | { readonly do: 'storage'; readonly fails: boolean }

/** An invitation that is there from the beginning. */
export interface InvitationSpec {
  readonly name?: string
  readonly inviter?: string
  /** Default 1. */
  readonly uses?: number
  /** How long it is good; default 24. */
  readonly hours?: number
}

/** A parsed dialogue. */
export interface Dialogue {
  /** What it proves: the first citation, `RFC 6120 §4.9.3.6`. */
  readonly section: string
  readonly clients: readonly ClientSpec[]
  /** Accounts nobody connects to by name: `account: dave@localhost`. */
  readonly accounts: readonly string[]
  /** Invitations by the name of the value that holds the token. */
  readonly invitations: Readonly<Record<string, InvitationSpec>>
  /** Server configuration, merged into that of all dialogues. */
  readonly config: Readonly<Record<string, unknown>>
  readonly steps: readonly Step[]
}
