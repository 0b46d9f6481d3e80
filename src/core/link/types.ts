import type { Cluster } from '../../cluster/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Handled } from '../handled.ts'
import type {
  HomeTasks,
  NodeTaskInput,
  NodeTaskOutput,
  NodeTasks,
  TaskInput,
  TaskOutput,
} from '../home-tasks.ts'
import type { Router } from '../router.ts'
import type { AttachedService } from '../services.ts'
import type { Session, SessionHandle, SessionPort } from '../session.ts'
import type { BindWish, BoundHandle } from '../sessions.ts'
import type { Sending } from './errands.ts'
import type { Fetched } from './remote-sessions.ts'

/**
 * What a router needs of homes at other nodes. Rejections are the StanzaError that answers whoever asked. LoneLink has it where there is no other
 * node, HomeLink elsewhere.
 */
export interface Link {
  /** What a connection of this node needs of a session whose home is this node. */
  handle(session: Session): SessionHandle
  /** Connects a service to its home; see `Router.attach()`. */
  attach(service: AttachedService, port: SessionPort): Promise<() => Promise<void>>
  /** Binds a connection of this node to an account whose home is another one. */
  bind(account: JID, wish: BindWish, port: SessionPort): Promise<BoundHandle>
  /** Nodes that have connections of an account whose home is another node. */
  nodes(account: JID): Promise<readonly string[]>
  /** Asks another node for a session of an account, for a connection of this one; undefined when there is none with this id. */
  fetch(node: string, account: JID, id: string, port: SessionPort): Promise<Fetched | undefined>
  /** Has a session whose home is this node go on over the connection `number` of another. */
  move(session: Session, node: string, number: number): void
  /** A session whose home is this node has ended. */
  ended(session: Session): void
  /** Hands a stanza to its recipient's home, in the order of the session that it comes from. */
  receive(stanza: Stanza, session?: Session): Sending
  /**
   * Hands presence to other nodes for those of their users who are among the recipients; `by`: what a room says (`Router.tellMany`), with the
   * real address of whom it comes from.
   */
  spread(stanza: Stanza, recipients: readonly JID[], by?: JID): void
  /** Has the home of an account forget it. */
  forget(account: JID): Promise<void>
  /** Has the home of an account store what a session of it has handled. */
  storeHandled(handled: Handled): Promise<void>
  /** Has the home of an owner do what an extension has it do: `Router.atHome`. */
  atHome<T extends keyof HomeTasks>(task: T, owner: JID, input: TaskInput<T>): Promise<TaskOutput<T>>
  /** Has another node do what an extension of a host has each do. Rejects where it does not answer. */
  atNode<T extends keyof NodeTasks>(
    node: string,
    task: T,
    domain: string,
    input: NodeTaskInput<T>,
  ): Promise<NodeTaskOutput<T>>
  /** Whether what is done at once overtakes nothing that is on its way to the owners of a slot. */
  isIdle(slot: number): boolean
  /** Resolves when nothing is on its way to another home. */
  settled(): Promise<void>
}

/** Makes a router's link, once. */
export type MakeLink = (cluster: Cluster, router: Router) => Link
