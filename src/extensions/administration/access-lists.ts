/** XEP-0133 §4.11, §4.12: whom nobody of a host talks to, or whom alone. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { CasTable } from '../../storage/types.ts'
import { field } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { covers } from '../blocking/index.ts'
import { badPayload, type Command } from '../commands/index.ts'
import { done, form, nodeOf } from './form.ts'
import { SharedValue } from './shared-value.ts'

declare module '../../core/home-tasks.ts' {
  interface NodeTasks {
    /** The lists are other ones. */
    'administration:lists-changed'(input: null): void
  }
}

type Which = 'blacklist' | 'whitelist'

/** Bare addresses, full ones or domains. */
type List = ReadonlySet<string>

interface Lists {
  readonly blacklist: List
  readonly whitelist: List
}

/** The lists of one host. */
export class AccessLists {
  readonly #host: Host
  readonly #table: CasTable<readonly string[]>
  readonly #lists: SharedValue<Lists>

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table<readonly string[]>('access-lists', 'cas')
    this.#lists = new SharedValue(() => this.#read(), host.clock)
    // Known before anybody comes; where it cannot be read yet, the first stanza asks again.
    host.background.run(
      'administration',
      Promise.resolve(this.#lists.get()).then(
        () => {},
        () => {},
      ),
    )
  }

  /** What each node does. */
  get tasks() {
    return {
      'administration:lists-changed': (): void => this.#lists.changed(),
    }
  }

  /** Throws the StanzaError for somebody with whom nobody of this host may talk. Users of this host are never kept apart by the whitelist. */
  require(owner: JID, peer: JID): Maybe<undefined> {
    return then(this.#lists.get(), ({ blacklist, whitelist }) => {
      const shut =
        (blacklist.size > 0 && covers(blacklist, owner, peer)) ||
        (whitelist.size > 0 && peer.domain !== this.#host.domain && !covers(whitelist, owner, peer))
      if (shut)
        throw new StanzaError('not-allowed', { text: 'this server does not let you talk to each other' })
      return undefined
    })
  }

  async get(which: Which): Promise<readonly string[]> {
    return (await this.#table.get(this.#host.jid, which)) ?? []
  }

  async set(which: Which, jids: readonly JID[]): Promise<void> {
    const list = [...new Set(jids.map(jid => jid.toString()))].sort()
    await this.#table.update(this.#host.jid, which, () => (list.length === 0 ? undefined : list))
    await this.#host.router.atHome.each('administration:lists-changed', this.#host.domain, null)
  }

  async #read(): Promise<Lists> {
    const [blacklist, whitelist] = await Promise.all([this.get('blacklist'), this.get('whitelist')])
    return { blacklist: new Set(blacklist), whitelist: new Set(whitelist) }
  }
}

/** Both commands. */
export function listCommands(host: Host, lists: AccessLists): readonly Command[] {
  const command = (which: Which, field_: string): Command => ({
    ...nodeOf(`edit-${which}`, `Edit ${which}`),
    async run({ ask, asker }) {
      const list = field.addressList({
        label: which === 'blacklist' ? 'Nobody talks to these' : 'Nobody outside talks to others than these',
        value: await lists.get(which),
      })
      const { values } = await ask(form(`Editing the ${which}`, { [field_]: list }))
      const jids = values[field_] ?? []
      // One slip, and nobody could undo it.
      if (which === 'blacklist' && jids.some(jid => jid.equals(host.jid) || jid.bare.equals(asker.bare)))
        throw badPayload('neither this server nor you can be on the list')
      await lists.set(which, jids)
      host.log.info({ by: asker, which }, 'an administrator has edited a list')
      return done('it is changed')
    },
  })
  return [command('blacklist', 'blacklistjids'), command('whitelist', 'whitelistjids')]
}
