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

/** A task as those see it who only carry it. */
export type AnyTask = (owner: JID, input: unknown) => unknown
