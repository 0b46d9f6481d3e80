import { StanzaError } from '../../core/errors.ts'
import type { Place } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import type { Command } from './command.ts'

/** The commands of one host. Other extensions get it from `host.use(commands)` and add theirs at set-up. */
export class Catalogue {
  readonly #host: Host
  readonly #commands = new Map<string, Command>()

  constructor(host: Host) {
    this.#host = host
  }

  /** Adds a command. Throws an Error where its place has one with this node. */
  add(command: Command): void {
    const key = keyOf(command)
    if (this.#commands.has(key)) throw new Error(`there are two commands with the node ${command.node}`)
    this.#commands.set(key, command)
  }

  /** The command of a node; undefined: there is none. */
  find(place: Place, node: string): Command | undefined {
    return this.#commands.get(keyOf({ place, node }))
  }

  /** The command of a node for somebody to run. Rejects with a StanzaError: `item-not-found`, `refuse()`. */
  async runnable(place: Place, node: string, asker: JID, refuse: () => StanzaError): Promise<Command> {
    const command = this.find(place, node)
    if (command === undefined) throw new StanzaError('item-not-found')
    if (!(await this.#permits(command, asker))) throw refuse()
    return command
  }

  /** The commands of a place that somebody may run, in the order they were added. */
  async listFor(place: Place, asker: JID): Promise<Command[]> {
    const found: Command[] = []
    for (const command of this.#commands.values())
      if (command.place === place && (await this.#permits(command, asker))) found.push(command)
    return found
  }

  #permits({ access }: Command, asker: JID): Maybe<boolean> {
    const who = typeof access === 'function' ? access(asker) : access
    if (who === 'nobody' || asker.domain !== this.#host.domain || asker.local === '') return false
    return who === 'users' || this.#host.isAdmin(asker)
  }
}

function keyOf({ place, node }: Pick<Command, 'place' | 'node'>): string {
  return `${place} ${node}`
}
