import type { IqAnswer, IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import type { NodeAccess } from './access.ts'
import type { Access, NodeConfig } from './config.ts'
import type { Listeners } from './listeners.ts'
import type { NodeStore } from './nodes.ts'
import type { Notifications } from './notifications.ts'
import type { Changes } from './relations.ts'

/** What nodes of accounts and those of the service have not in common. */
export interface Realm {
  /** How a node is at first. */
  presetOf(name: string): NodeConfig
  readonly models: readonly Access[]
  /** Most nodes of one owner in the sense of the storage: an account, or the service. */
  readonly mostNodes: number
  /** Throws a StanzaError where somebody may not make one more node. */
  requireCreator(owner: JID, who: JID): Maybe<void>
  /** Who has to do with a node from the first. */
  related(who: JID): Changes
}

/** What requests about nodes need. */
export interface NodeParts {
  readonly host: Host
  readonly realm: Realm
  readonly store: NodeStore
  readonly access: NodeAccess
  readonly notifications: Notifications
  /** Who hears of what is published and taken away; of accounts only. */
  readonly heard?: Listeners
  readonly limits: {
    readonly items: number
    readonly bytes: number
    readonly nodeBytes: number
    /** Most users that have to do with one node. */
    readonly relations: number
    /** Most nodes of one owner that a user may subscribe to. */
    readonly subscriptions: number
  }
}

/** Answers what is asked of nodes. */
export type Action = (
  parts: NodeParts,
  iq: IqContext,
  action: Element,
) => Maybe<Element | IqAnswer | undefined>
