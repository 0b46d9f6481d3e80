/** XEP-0133 §4.23 to §4.28: what administrators tell users. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Session } from '../../core/session.ts'
import type { CasTable, Table } from '../../storage/types.ts'
import { xml } from '../../xml/element.ts'
import { field } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import type { Command } from '../commands/index.ts'
import { done, form, nodeOf } from './form.ts'
import { SharedValue } from './shared-value.ts'

declare module '../../core/home-tasks.ts' {
  interface NodeTasks {
    /** Tells the users who are online and have their home at the node. Gives how many sessions. */
    'administration:announce'(text: string): number
    /** The message of the day or the one to newcomers is another one. */
    'administration:messages-changed'(input: null): void
    /** There is a new message of the day: the users who are online and have their home at the node are told. */
    'administration:message-of-the-day'(input: null): void
  }
}

/** A message to each user, once. */
interface Notice {
  readonly text: string
  /** Who has seen this one need not see it again. */
  readonly id: number
  /** Since when it is there (ms since 1970). */
  readonly since: number
}

/** The message of the day, and the one to newcomers. */
type Which = 'motd' | 'welcome'

/** What a user has seen, by which it is: its `id`. */
type Seen = number

/** What users are told when they come. */
export class Announcements {
  readonly #host: Host
  /** Of the host. Compare-and-set: whichever node an administrator is at. */
  readonly #notices: CasTable<Notice>
  readonly #seen: Table<Seen>
  readonly #current: SharedValue<ReadonlyMap<Which, Notice>>

  constructor(host: Host) {
    this.#host = host
    this.#notices = host.storage.table<Notice>('notices', 'cas')
    this.#seen = host.storage.table<Seen>('notices-seen', 'lww')
    this.#current = new SharedValue(() => this.#read(), host.clock)
  }

  /** What each node does. */
  get tasks() {
    return {
      'administration:announce': (text: string): number => {
        const { router, domain } = this.#host
        const sessions = router.homes.signedIn(domain).flatMap(owner => owner.sessions)
        const told = sessions.filter(session => session.available)
        for (const session of told) this.#tell(session, text)
        return told.length
      },
      'administration:messages-changed': (): void => {
        this.#current.changed()
      },
      'administration:message-of-the-day': (): void => {
        const { router, domain, background } = this.#host
        this.#current.changed()
        for (const { jid } of router.homes.signedIn(domain))
          background.run('administration', this.#tellOnline(jid))
      },
    }
  }

  /** XEP-0133 §4.24: "The announcement is sent immediately to users who are online". They have seen it then. */
  async #tellOnline(user: JID): Promise<void> {
    await this.#host.router.homes.inLane(user, async ({ sessions }) => {
      const notice = (await this.#current.get()).get('motd')
      const told = sessions.filter(session => session.available)
      // Whoever has just come has been told as he came.
      if (notice === undefined || told.length === 0 || (await this.#seen.get(user, 'motd')) === notice.id)
        return
      for (const session of told) this.#tell(session, notice.text)
      await commit(this.#host.storage, [this.#seen.put(user, 'motd', notice.id)], this.#host.log)
    })
  }

  /** A user is there, in his lane. */
  async came(session: Session): Promise<void> {
    const current = await this.#current.get()
    if (current.size === 0) return
    const owner = session.jid.bare
    for (const [which, notice] of current) {
      if ((await this.#seen.get(owner, which)) === notice.id) continue
      if (which === 'welcome' && !(await this.#isNewcomer(owner, notice))) continue
      this.#tell(session, notice.text)
      await commit(this.#host.storage, [this.#seen.put(owner, which, notice.id)], this.#host.log)
    }
  }

  /** Sets, or with undefined takes away, what users are told. With `again`, those who have seen one before see it, too. */
  async set(which: Which, text: string | undefined, again: boolean): Promise<void> {
    const now = this.#host.clock.now()
    await this.#notices.update(this.#host.jid, which, old =>
      text === undefined ? undefined : { text, id: again ? now : (old?.id ?? now), since: old?.since ?? now },
    )
    await this.#host.router.atHome.each('administration:messages-changed', this.#host.domain, null)
  }

  /** The text that users are told now. */
  async text(which: Which): Promise<string | undefined> {
    return (await this.#notices.get(this.#host.jid, which))?.text
  }

  async #read(): Promise<ReadonlyMap<Which, Notice>> {
    const found = new Map<Which, Notice>()
    for (const which of ['motd', 'welcome'] as const) {
      const notice = await this.#notices.get(this.#host.jid, which)
      if (notice !== undefined) found.set(which, notice)
    }
    return found
  }

  /** XEP-0133 §4.27: "when the user first logs in after having registered". */
  async #isNewcomer(owner: JID, { since }: Notice): Promise<boolean> {
    const account = await this.#host.accounts.get(owner)
    return account !== undefined && account.created >= since
  }

  #tell(session: Session, text: string): void {
    const attributes = { type: 'headline', from: this.#host.jid, to: session.jid }
    session.send(Stanza.build('message', attributes, xml('body', {}, text)))
  }
}

/** XEP-0133 §4.23: tells everybody who is online. */
export function announce(host: Host): Command {
  return {
    ...nodeOf('announce', 'Send announcement to online users'),
    async run({ ask, asker }) {
      const { values } = await ask(
        form('Making an announcement', { announcement: field.lines({ label: 'Announcement' }) }),
      )
      const told = await host.router.atHome.each('administration:announce', host.domain, values.announcement)
      host.log.info({ by: asker }, 'an administrator has made an announcement')
      return done(`${told.reduce((sum, count) => sum + count, 0)} sessions were told`)
    },
  }
}

/** XEP-0133 §4.24 to §4.28 */
export function noticeCommands(host: Host, announcements: Announcements): readonly Command[] {
  const deleting = (which: Which, node: string, name: string): Command => ({
    ...nodeOf(node, name),
    async run({ asker }) {
      await announcements.set(which, undefined, false)
      host.log.info({ by: asker, which }, 'an administrator has taken a message to users away')
      return done('it is gone')
    },
  })
  return [
    {
      ...nodeOf('set-motd', 'Set message of the day'),
      async run({ ask, asker }) {
        const { values } = await ask(
          form('Setting the message of the day', { motd: field.lines({ label: 'Message of the day' }) }),
        )
        await announcements.set('motd', values.motd, true)
        await host.router.atHome.each('administration:message-of-the-day', host.domain, null)
        host.log.info({ by: asker }, 'an administrator has set the message of the day')
        return done('it is set')
      },
    },
    {
      ...nodeOf('edit-motd', 'Edit message of the day'),
      async run({ ask, asker }) {
        const value = await announcements.text('motd')
        if (value === undefined)
          throw new StanzaError('item-not-found', { text: 'there is no message of the day: set one' })
        const { values } = await ask(
          form('Editing the message of the day', {
            motd: field.lines({ label: 'Message of the day', value }),
          }),
        )
        await announcements.set('motd', values.motd, false)
        host.log.info({ by: asker }, 'an administrator has edited the message of the day')
        return done('it is changed, for those who have not seen it')
      },
    },
    deleting('motd', 'delete-motd', 'Delete message of the day'),
    {
      ...nodeOf('set-welcome', 'Set welcome message'),
      async run({ ask, asker }) {
        const value = await announcements.text('welcome')
        const { values } = await ask(
          form('Setting the welcome message', {
            welcome: field.lines({ label: 'Welcome message', ...(value !== undefined && { value }) }),
          }),
        )
        await announcements.set('welcome', values.welcome, false)
        host.log.info({ by: asker }, 'an administrator has set the welcome message')
        return done('it is set')
      },
    },
    deleting('welcome', 'delete-welcome', 'Delete welcome message'),
  ]
}
