import type { JID } from '../xml/jid.ts'
import { TidingsError } from './errors.ts'
import { type Handled, handledWrite } from './handled.ts'
import type {
  HomeTasks,
  NodeTaskInput,
  NodeTaskOutput,
  NodeTasks,
  TaskInput,
  TaskOutput,
} from './home-tasks.ts'
import type { Link } from './link/types.ts'
import type { Router } from './router.ts'

/** What is done at the home of an owner, whichever node asks for it: here where that is this node, else by a frame to it. */
export class AtHome {
  readonly #router: Router
  readonly #link: Link

  constructor(router: Router, link: Link) {
    this.#router = router
    this.#link = link
  }

  /** Removes whatever the server holds of an account, and closes its sessions. */
  async forget(account: JID): Promise<void> {
    await (this.#router.isHome(account) ? this.forgetHere(account) : this.#link.forget(account))
  }

  /** The same of one whose home is this node. */
  async forgetHere(account: JID): Promise<void> {
    await this.#router.sessions.forget(this.#router.hostOf(account), account.bare)
  }

  /** XEP-0198 §5: stores what one of an account's sessions has handled, wherever that is connected. */
  async storeHandled(handled: Handled): Promise<void> {
    if (this.#router.isHome(handled.account)) await this.storeHandledHere(handled)
    else await this.#link.storeHandled(handled)
  }

  /** The same of one whose home is this node. */
  storeHandledHere(handled: Handled): Promise<void> {
    const host = this.#router.hostOf(handled.account)
    return host.storage.commit([handledWrite(host, handled)])
  }

  /**
   * Runs a task of an extension in the lane of an owner. Resolves with what came of it; rejects with what the task threw (from another node
   * a StanzaError), or with the TidingsError `TIDINGS_EXTENSION_MISSING`.
   */
  async run<T extends keyof HomeTasks>(task: T, owner: JID, input: TaskInput<T>): Promise<TaskOutput<T>> {
    return this.#router.isHome(owner)
      ? this.runHere(task, owner, input)
      : this.#link.atHome(task, owner, input)
  }

  /** Runs a task of an extension of a host at each node; what came of it at those that answer. Rejects where it fails at this node. */
  async each<T extends keyof NodeTasks>(
    task: T,
    domain: string,
    input: NodeTaskInput<T>,
  ): Promise<readonly NodeTaskOutput<T>[]> {
    const { nodes, node: own } = this.#router.cluster
    const all = nodes.map(node =>
      node === own
        ? this.eachHere(task, domain, input)
        : this.#link.atNode(node, task, domain, input).catch(() => undefined),
    )
    return (await Promise.all(all)).filter(output => output !== undefined)
  }

  /** The same at this node. */
  async eachHere<T extends keyof NodeTasks>(
    task: T,
    domain: string,
    input: NodeTaskInput<T>,
  ): Promise<NodeTaskOutput<T>> {
    const run = this.#router.host(domain)?.hooks.nodeTask(task)
    if (run === undefined)
      throw new TidingsError('TIDINGS_EXTENSION_MISSING', `the extension that has the task ${task} is off`)
    return (await run(input)) as NodeTaskOutput<T>
  }

  /** The same of an owner whose home is this node. */
  async runHere<T extends keyof HomeTasks>(task: T, owner: JID, input: TaskInput<T>): Promise<TaskOutput<T>> {
    const { homes } = this.#router
    const run = this.#router.hostOf(owner).hooks.task(task)
    if (run === undefined)
      throw new TidingsError('TIDINGS_EXTENSION_MISSING', `the extension that has the task ${task} is off`)
    return homes.inLane(owner, () => run(owner.bare, input) as TaskOutput<T>)
  }
}
