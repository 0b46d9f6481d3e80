import type { Invitation } from './invitations.ts'

/** Where an invitation leads. */
export interface InvitationLinks {
  /** For apps. */
  readonly uri: string
  /** The landing page; absent where nothing is served over HTTP. */
  readonly page?: string
}

/** The links of an invitation to a host; `web` is where its pages are, as `https://chat.example`. */
export function invitationLinks(
  domain: string,
  invitation: Pick<Invitation, 'name' | 'inviter' | 'only'>,
  token: string,
  web: string | undefined,
): InvitationLinks {
  return {
    uri: `xmpp:${query(domain, invitation, token)}`,
    ...(web !== undefined && { page: `${web}/invite/${token}` }),
  }
}

function query(
  domain: string,
  { name, inviter, only }: Pick<Invitation, 'name' | 'inviter' | 'only'>,
  token: string,
): string {
  // XEP-0445 §2.1
  if (name !== undefined) return `${escaped(name)}@${domain}?register;preauth=${token}`
  // XEP-0401 §5.1: a contact first, an account for those who have none: "the server MUST omit the ibr=y" where they get none here.
  if (inviter !== undefined && only !== 'account')
    return `${inviter.split('@').map(escaped).join('@')}?roster;preauth=${token}${only === 'contact' ? '' : ';ibr=y'}`
  // XEP-0445 §2.2
  return `${domain}?register;preauth=${token}`
}

/** RFC 5122 §2.2: what may not stand in a URI is percent-encoded. */
function escaped(part: string): string {
  return encodeURIComponent(part)
}
