import type { JID } from '../xml/jid.ts'

/**
 * What extensions do at the home of an owner, whichever node asks for it with `Router.atHome.run()`. Extended by declaration merging:
 * `'roster:add'(owner: JID, contacts: readonly ...): Maybe<void>`. What goes in and what comes back cross the link as JSON.
 */
// biome-ignore lint/suspicious/noEmptyInterface: each extension declares its own
export interface HomeTasks {}

/** The tasks of an extension. Each runs in the owner's lane, so it must not wait for another lane. */
export type HomeTaskHandlers = Partial<HomeTasks>

/** What a task is told, beside the owner. */
export type TaskInput<T extends keyof HomeTasks> = Parameters<HomeTasks[T]>[1]

/** What comes of a task. */
export type TaskOutput<T extends keyof HomeTasks> = Awaited<ReturnType<HomeTasks[T]>>

/**
 * What extensions do at each node, for `Router.atHome.each()`. Extended by declaration merging. What goes in and what comes back cross the link as
 * JSON.
 */
// biome-ignore lint/suspicious/noEmptyInterface: each extension declares its own
export interface NodeTasks {}

/** The tasks of an extension that run at each node, in no lane. */
export type NodeTaskHandlers = Partial<NodeTasks>

/** What such a task is told. */
export type NodeTaskInput<T extends keyof NodeTasks> = NodeTasks[T] extends (input: infer I) => unknown
  ? I
  : never

/** What comes of it at one node. */
export type NodeTaskOutput<T extends keyof NodeTasks> = NodeTasks[T] extends (input: never) => infer O
  ? Awaited<O>
  : never

/** Such a task as those see it who only carry it. */
export type AnyNodeTask = (input: unknown) => unknown

/** A task as those see it who only carry it. */
export type AnyTask = (owner: JID, input: unknown) => unknown
