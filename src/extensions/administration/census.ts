/** XEP-0133 §4.13 to §4.22: how many users there are, and which. */
import type { Host } from '../../core/host.ts'
import type { Session } from '../../core/session.ts'
import { field } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Command } from '../commands/index.ts'
import { form, nodeOf, told } from './form.ts'

declare module '../../core/home-tasks.ts' {
  interface NodeTasks {
    /** The users of this host who are online and have their home at the node: bare addresses, and whether each is active. */
    'administration:online'(input: null): readonly (readonly [user: string, active: boolean])[]
  }
}

/** What each node does for these commands. */
export function censusTasks({ router, domain }: Host) {
  return {
    'administration:online': () =>
      router.homes
        .signedIn(domain)
        .filter(({ available }) => available)
        .map(({ jid, sessions }) => [jid.toString(), sessions.some(isActive)] as const),
  }
}

/** XEP-0133 §4.16, §4.17: who is away from all his devices is idle. */
function isActive(session: Session): boolean {
  const show = session.available ? session.presence?.child('show', NS.client)?.getText() : 'xa'
  return show !== 'away' && show !== 'xa'
}

/** Users of one kind, in the order of their addresses. */
type Kind = 'registered' | 'disabled' | 'online' | 'active' | 'idle'

/** Accounts that are asked for at a time. */
const PAGE = 1_000
/** XEP-0133 §4.18: how many are shown. */
const AMOUNTS = {
  '25': '25',
  '50': '50',
  '75': '75',
  '100': '100',
  '150': '150',
  '200': '200',
  none: 'all',
} as const
/** Most addresses of one answer, whatever is asked for: it has to fit into a stanza. */
const MOST = 2_000

/** The nodes and the field names of the lists, where the XEP has others than those of its kind. */
const LISTS: Readonly<Record<Kind, readonly [node: string, field: string]>> = {
  registered: ['get-registered-users-list', 'registereduserjids'],
  disabled: ['get-disabled-users-list', 'disableduserjids'],
  online: ['get-online-users-list', 'onlineuserjids'],
  active: ['get-active-users', 'activeuserjids'],
  // XEP-0133 §4.22: its example has the field of active users, its table of fields has none.
  idle: ['get-idle-users', 'activeuserjids'],
}

/** All commands of this kind. */
export function census(host: Host): readonly Command[] {
  return (Object.keys(LISTS) as Kind[]).flatMap(kind => [numberOf(host, kind), listOf(host, kind)])
}

function numberOf(host: Host, kind: Kind): Command {
  return {
    ...nodeOf(`get-${kind}-users-num`, `Get number of ${kind} users`),
    async run() {
      let count = 0
      for await (const users of usersOf(host, kind)) count += users.length
      return told({ [`${kind}usersnum`]: [String(count)] })
    },
  }
}

function listOf(host: Host, kind: Kind): Command {
  const [node, name] = LISTS[kind]
  return {
    ...nodeOf(node, `Get list of ${kind} users`),
    async run({ ask }) {
      const { values } = await ask(
        form(`Getting ${kind} users`, {
          max_items: field.choice({ label: 'Maximum number of items to show', options: AMOUNTS }),
        }),
      )
      const most = values.max_items === 'none' ? MOST : Number(values.max_items)
      const found: string[] = []
      for await (const users of usersOf(host, kind)) {
        found.push(...users.slice(0, most - found.length))
        if (found.length >= most) break
      }
      return told({ [name]: found })
    },
  }
}

async function* usersOf(host: Host, kind: Kind): AsyncGenerator<readonly string[]> {
  if (kind !== 'registered' && kind !== 'disabled') {
    const all = (await host.router.atHome.each('administration:online', host.domain, null)).flat()
    const wanted = all.filter(([, active]) => kind === 'online' || active === (kind === 'active'))
    yield wanted.map(([user]) => user).sort()
    return
  }
  for (let after: JID | undefined; ; ) {
    const accounts = await host.accounts.list(host.domain, after, PAGE)
    after = accounts.at(-1)?.jid
    if (after === undefined) return
    yield accounts
      .filter(({ disabled }) => kind === 'registered' || disabled)
      .map(({ jid }) => jid.toString())
  }
}
