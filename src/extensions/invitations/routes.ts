import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { HttpAnswer, HttpRequest } from '../../core/http-route.ts'
import type { Newcomers } from '../registration/index.ts'
import type { Invitation } from './invitations.ts'
import { invitationLinks } from './links.ts'
import { type Invited, invitationPage, refusalPage, unknownPage, welcomePage } from './page.ts'
import type { Tokens } from './tokens.ts'

/** Bytes of a form that was filled in: a name and a password, percent-encoded. */
const MOST_FORM_BYTES = 16 * 1024

/** What the pages need. */
export interface InvitationPages {
  readonly host: Host
  readonly newcomers: Newcomers
  readonly tokens: Tokens
}

/** `/invite/TOKEN`: the landing page. */
export async function show({ host, tokens }: InvitationPages, request: HttpRequest): Promise<HttpAnswer> {
  try {
    const invitation = await tokens.look(tokenOf(request), request.address)
    return invitationPage(invitedBy(host, invitation, request))
  } catch (error) {
    return refusal(error, request)
  }
}

/** The form of that page, filled in: makes the account. */
export async function register(
  { host, newcomers, tokens }: InvitationPages,
  request: HttpRequest,
): Promise<HttpAnswer> {
  if (!isOwn(request)) return refusalPage(403, 'this form was sent from another site')
  if (request.body.length > MOST_FORM_BYTES)
    return refusalPage(413, 'that is too long for a name and a password')
  const form = new URLSearchParams(request.body.toString())
  const answers = { username: (form.get('username') ?? '').trim(), password: form.get('password') ?? '' }
  try {
    const { pass, invitation } = await tokens.accept(tokenOf(request), request.address)
    try {
      const account = await newcomers.create(answers, request.address, pass)
      return welcomePage(account.toString(), request.services.webChat)
    } catch (error) {
      if (!isCorrectable(error)) throw error
      return invitationPage(invitedBy(host, invitation, request), {
        username: answers.username,
        why: error.text,
      })
    }
  } catch (error) {
    return refusal(error, request)
  }
}

/** An error that another name or password mends. */
function isCorrectable(error: unknown): error is StanzaError & { text: string } {
  return (
    error instanceof StanzaError &&
    error.text !== undefined &&
    (error.condition === 'conflict' || error.condition === 'not-acceptable')
  )
}

/** Whatever else is thrown is a fault of ours, which the HTTP server logs and answers. */
function refusal(error: unknown, { services }: HttpRequest): HttpAnswer {
  if (!(error instanceof StanzaError)) throw error
  if (error.condition === 'item-not-found') return unknownPage(services.webChat)
  if (error.condition === 'resource-constraint') return refusalPage(429, error.text ?? error.condition)
  throw error
}

/**
 * Whether a form comes from our own page. A forged one would have to know a token that is good, and there is no cookie to misuse;
 * but nobody shall be signed up by another site unawares.
 */
function isOwn({ headers, origin }: HttpRequest): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  return headers.origin === undefined || headers.origin === origin
}

function tokenOf({ parameters }: HttpRequest): string {
  return parameters.token ?? ''
}

function invitedBy(host: Host, invitation: Invitation, request: HttpRequest): Invited {
  const { domain } = host
  const { inviter, name, only, uses, expires } = invitation
  const { uri, page = '' } = invitationLinks(domain, invitation, tokenOf(request), request.origin)
  return {
    domain,
    inviter,
    name,
    account: only !== 'contact',
    uses,
    expires,
    uri,
    page,
    userAgent: String(request.headers['user-agent'] ?? ''),
    webChat: request.services.webChat,
  }
}
