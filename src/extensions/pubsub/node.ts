/** What nodes and their items are, in storage and in memory. */
import type { Storage, Table } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { NodeConfig } from './config.ts'

/** A row of a node; its key is the node's name. */
export interface NodeRow {
  readonly config: NodeConfig
}

/** A row of an item; its key is the names of its node and itself. */
export interface ItemRow {
  /** Items are in the order of these. */
  readonly seq: number
  /** Whoever published it: a full JID. */
  readonly publisher: string
  /** When it was published (ms since 1970). */
  readonly at?: number
  /** The payload as XML that stands alone; undefined for none. */
  readonly payload?: string
}

/** An item that a node holds. */
export interface Item extends ItemRow {
  readonly id: string
}

/** What is in memory of an item. */
export interface Held {
  readonly seq: number
  /** Bytes of the payload. */
  readonly size: number
}

/** How much a node may hold. */
export interface Room {
  readonly items: number
  /** Bytes of all payloads together. */
  readonly size: number
}

/** XEP-0060 §4.1; whoever has none of these has `none`. */
export type Affiliation = 'owner' | 'publisher' | 'publish-only' | 'member' | 'outcast'

/** An address that is told of what is published. */
export interface Subscription {
  /** Bare or full, of the one who has the relation. */
  readonly jid: string
  readonly state: 'subscribed' | 'pending'
  /** XEP-0060 §6.3: whether it wants to be told at the moment. */
  readonly deliver: boolean
}

/** What one user, by his bare JID, has to do with a node. */
export interface Relation {
  readonly affiliation?: Affiliation
  readonly subscriptions: readonly Subscription[]
}

/** By the texts of bare JIDs. */
export type Relations = Map<string, Relation>

/** A node, in memory. */
export interface Node {
  readonly name: string
  config: NodeConfig
  /** Its items in their order, without the payloads; undefined until somebody needs them. */
  ids: Map<string, Held> | undefined
  /** The item that was published last, if it is small; undefined where it was not looked for, null where there is none. */
  last: Item | null | undefined
  /** Affiliations and subscriptions; undefined until somebody needs them. */
  relations: Relations | undefined
  /** Of these the addresses that are told of what is published; undefined until somebody needs them. */
  told: readonly JID[] | undefined
}

/** All nodes of an owner, by name. */
export type Nodes = Map<string, Node>

/** Between the name of a node and another one in the key of a row: no name has it. */
const BETWEEN = '\n'

/** The key of a row about something of a node, or about a node of somebody. */
export function keyOf(first: string, second: string): string {
  return `${first}${BETWEEN}${second}`
}

/** The rows of nodes. */
export function nodesIn(storage: Storage): Table<NodeRow> {
  return storage.table<NodeRow>('pubsub-nodes', 'lww')
}

/** The rows of items. */
export function itemsIn(storage: Storage): Table<ItemRow> {
  return storage.table<ItemRow>('pubsub-items', 'lww')
}
