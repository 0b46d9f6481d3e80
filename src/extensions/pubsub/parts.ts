import type { NodeAccess } from './access.ts'
import type { NodeStore } from './nodes.ts'
import type { Notifications } from './notifications.ts'

/** What requests about nodes need. */
export interface NodeParts {
  readonly store: NodeStore
  readonly access: NodeAccess
  readonly notifications: Notifications
  readonly limits: {
    readonly nodes: number
    readonly items: number
    readonly bytes: number
    readonly nodeBytes: number
  }
}
