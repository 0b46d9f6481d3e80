/** XEP-0012: Last Activity. XEP-0319 needs nothing of a server: idle times in presence pass it. */
import { commit } from '../core/commit.ts'
import { StanzaError } from '../core/errors.ts'
import { defineExtension, get, type IqContext, type Registrations, stage } from '../core/extension.ts'
import type { Host } from '../core/host.ts'
import { type Maybe, then } from '../core/maybe.ts'
import { type Session, SessionFlag } from '../core/session.ts'
import type { Table } from '../storage/types.ts'
import { type Element, xml } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'

/** Tells whether somebody may know of a user's presence. */
export type Viewers = (owner: JID, viewer: JID) => Maybe<boolean>

/** What whoever keeps contacts tells this extension. */
export interface LastActivity {
  /** Has those who may see a user's presence see this, too. Until it is called, only users themselves may. */
  admit(viewers: Viewers): void
  /** When the last session of an account ended, in ms since 1970. */
  left(owner: JID): Promise<number | undefined>
}

/** When a user was last there (ms since 1970), and what the user said on leaving. */
interface Left {
  readonly at: number
  readonly status?: string
}

const KEY = 'left'
/** The status of the unavailable presence of a session that is about to end. */
const farewell = new SessionFlag<string | undefined>('farewell', undefined)

export default defineExtension({
  name: 'last-activity',
  doc: 'Tells since when a user has been away, and how long the server has been running',
  xeps: [
    { xep: 12, version: '2.0', status: 'complete' },
    { xep: 319, version: '1.0.2', status: 'complete', note: 'passed on' },
  ],
  features: { server: [NS.lastActivity], account: [NS.lastActivity] },
  setup(host): Registrations<LastActivity> {
    const started = host.clock.monotonic()
    const table = host.storage.table<Left>('last-activity', 'lww')
    let viewers: Viewers = () => false
    return {
      iq: [
        // XEP-0012 §5
        get(NS.lastActivity, 'query', 'server', () => seconds(host.clock.monotonic() - started)),
        get(NS.lastActivity, 'query', 'account', iq => answer(host, table, iq), { access: 'any' }),
      ],
      stages: [
        // At an account and at each of its resources. An account that does not exist is as silent as one that is not for this viewer.
        stage(
          'guard',
          { kind: 'iq', side: 'recipient', child: ['query', NS.lastActivity] },
          (iq, { owner }) => {
            if (iq.type !== 'get' || iq.from.bare.equals(owner)) return undefined
            // XEP-0012 §3, §4: "MUST return a <forbidden/> error", and deliver nothing to a resource.
            return then(viewers(owner, iq.from.bare), admitted => {
              if (!admitted) throw new StanzaError('forbidden')
              return undefined
            })
          },
        ),
      ],
      on: {
        'session:presence': ({ session, presence }) => {
          const status = session.available ? undefined : presence.child('status', NS.client)?.getText()
          farewell.set(session, status)
        },
        'session:closed': ({ session }) => remember(host, table, session),
      },
      provides: {
        admit(others) {
          viewers = others
        },
        left: async owner => (await table.get(owner, KEY))?.at,
      },
    }
  },
})

async function answer(host: Host, table: Table<Left>, { owner }: IqContext): Promise<Element> {
  // XEP-0012 §3: zero as long as a resource is connected.
  if (host.sessions(owner).length > 0) return seconds(0)
  const left = await table.get(owner, KEY)
  // Nobody has seen this user yet.
  if (left === undefined) throw new StanzaError('item-not-found')
  return seconds(host.clock.now() - left.at, left.status)
}

/** XEP-0012 §3: the last of a user's sessions is gone. */
function remember(host: Host, table: Table<Left>, session: Session): Maybe<void> {
  const owner = session.jid.bare
  if (host.sessions(owner).length > 0) return
  const status = farewell.get(session)
  const left: Left = { at: host.clock.now(), ...(status && { status }) }
  return commit(host.storage, [table.put(owner, KEY, left)], host.log)
}

function seconds(milliseconds: number, status?: string): Element {
  const whole = Math.max(0, Math.floor(milliseconds / 1_000))
  return xml('query', { xmlns: NS.lastActivity, seconds: String(whole) }, status)
}
