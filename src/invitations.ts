/** Part of the composition root: the invitations of all hosts, for operators. */
import type { Accounts } from './auth/accounts.ts'
import type { InvitationAdministration } from './cli/control/invitations.ts'
import type { NewInvitationLinks } from './cli/control/protocol.ts'
import type { Config } from './config/config.ts'
import { webOrigin } from './config/web-origin.ts'
import type { Clock } from './core/clock.ts'
import { TidingsError } from './core/errors.ts'
import type { Host } from './core/host.ts'
import { defaults } from './core/options.ts'
import definition, { type Invitation, Invitations, invitationLinks } from './extensions/invitations/index.ts'
import type { Storage } from './storage/types.ts'
import { JID } from './xml/jid.ts'

const DAY_MS = 24 * 60 * 60 * 1_000

/** What main.ts needs of invitations besides what operators do. */
export interface HostInvitations extends InvitationAdministration {
  /** False where the extension is off at the first host. */
  readonly on: boolean
  /** Makes the invitation of a server without accounts. */
  createFirst(host: string): Promise<NewInvitationLinks>
}

/** The invitations in this storage, for a server with this configuration, whether it runs (with HTTP at this port) or not. */
export function invitationsOf(
  config: Config,
  storage: Storage,
  clock: Clock,
  httpPort?: number,
): HostInvitations {
  const domains = config.hosts.map(({ name }) => name)
  const given = (domain: string) =>
    config.hosts.find(({ name }) => name === domain)?.extensions[definition.name]
  const optionsAt = (domain: string) => ({ ...defaults(definition.options!), ...(given(domain) || {}) })
  const at = (domain: string): Invitations => {
    if (given(domain) !== false) return new Invitations(storage, clock, JID.parse(domain))
    throw new TidingsError(
      'TIDINGS_INVITATIONS_OFF',
      `extensions.invitations is false in the configuration, for ${domain} or for all: take that away first`,
    )
  }
  /** The hosts where it is on; where there is none, one to fail at. */
  const open = domains.filter(domain => given(domain) !== false)
  const asked = open.length === 0 ? domains : open
  const told = (host: string, token: string, invitation: Invitation): NewInvitationLinks => {
    const web = optionsAt(host)['web-address'] || webOrigin(config, host, httpPort)
    const { uses, expires } = invitation
    return { ...invitationLinks(host, invitation, token, web), uses, expires }
  }
  return {
    on: given(domains[0]!) !== false,
    async create(host, { lifetime = optionsAt(host).days * DAY_MS, ...wanted }) {
      const { token, invitation } = await at(host).create({ ...wanted, lifetime, uses: 1 })
      return told(host, token, invitation)
    },
    async createFirst(host) {
      const { token, invitation } = await at(host).createFirst()
      return told(host, token, invitation)
    },
    async list() {
      const lists = asked.map(async host => (await at(host).list()).map(one => ({ ...one, host })))
      return (await Promise.all(lists)).flat()
    },
    async revoke(id) {
      for (const host of asked) if (await at(host).revoke(id)) return true
      return false
    },
  }
}

/** An invitation to a server that has no account yet, so that the first people can let themselves in. */
export async function firstInvitation(
  accounts: Accounts,
  hosts: readonly Host[],
  invitations: HostInvitations,
): Promise<NewInvitationLinks | undefined> {
  if (!invitations.on) return undefined
  for (const { domain } of hosts) if ((await accounts.list(domain, undefined, 1)).length > 0) return undefined
  return invitations.createFirst(hosts[0]!.domain)
}
