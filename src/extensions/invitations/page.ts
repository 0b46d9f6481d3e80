/** The landing page of an invitation (XEP-0401 §5.2, XEP-0379 §3.3): plain HTML and no script. */
import { createHash } from 'node:crypto'
import type { HttpAnswer } from '../../core/http-route.ts'
import { recommendedApps } from './apps.ts'
import { Html, html } from './html.ts'
import { qrCode } from './qr/index.ts'

/** What the page tells of an invitation. */
export interface Invited {
  readonly domain: string
  /** Bare address of who invites. */
  readonly inviter: string | undefined
  /** The only name that may be taken. */
  readonly name: string | undefined
  /** Whether an account can be made with it. */
  readonly account: boolean
  /** People who can still come by it. */
  readonly uses: number
  /** Milliseconds since 1970. */
  readonly expires: number
  /** For apps: `xmpp:...`. */
  readonly uri: string
  /** The address of the page itself. */
  readonly page: string
  readonly userAgent: string
  /** There is a chat for the browser. */
  readonly webChat: boolean
}

/** What was filled in and refused. */
export interface Refused {
  readonly username: string
  readonly why: string
}

const STYLE = `
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
label { display: block; margin: .8rem 0 .2rem }
input { font: inherit; padding: .4rem .5rem; border: 1px solid #888; border-radius: .3rem; width: 14rem; max-width: 60% }
button, .button { font: inherit; display: inline-block; margin-top: 1rem; padding: .5rem 1rem; border: 0; border-radius: .3rem; background: #0b5cad; color: #fff; text-decoration: none }
.why { padding: .5rem .8rem; border-left: .3rem solid #b00020; background: #fdecee }
.small { color: #555; font-size: .9rem; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #1b1b1b } a { color: #8ab4f8 } .button { color: #fff } .why { background: #402226 } .small { color: #aaa } }
`

const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  // Nothing but this page, its style and its form: so that nothing that slips in could do any harm.
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  // The address holds the token: it must not be kept, nor told to others.
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
}

/** The page for someone who is invited; `refused` after a try that went wrong. */
export function invitationPage(invited: Invited, refused?: Refused): HttpAnswer {
  const { domain, inviter, uri, page: here, uses, expires } = invited
  const code = qrCode(here, 'QR code with the address of this page')
  const title =
    inviter === undefined ? `You are invited to chat on ${domain}` : `${inviter} invites you to chat`
  return page(
    refused === undefined ? 200 : 422,
    title,
    html`${invited.account ? accountPart(invited, refused) : CONTACT_PART}
<p><a class="button" href="${uri}">Open the invitation in an app</a></p>
<p>Nothing happens? Then there is no app yet that knows such links. Install one, and come back to this page:</p>
<ul>${recommendedApps(invited.userAgent).map(
      ([platform, apps]) =>
        html`<li>${platform}: ${apps.map(({ name, link }) => html`<a href="${link}" rel="noreferrer">${name}</a> `)}</li>`,
    )}</ul>
${
  code &&
  html`<p>On your phone? Scan this to open the page there:</p>
<p>${code}</p>`
}
<p class="small">An app may also ask for the invitation itself: ${uri}</p>
<p class="small">This invitation is good until ${new Date(expires).toUTCString()}${uses === 1 ? ': it is yours alone' : `, for ${uses} people`}.</p>`,
  )
}

/** For those who know no other server. */
function accountPart(invited: Invited, refused: Refused | undefined): Html {
  return html`<p>Your account will be on <b>${invited.domain}</b>. Use it ${invited.webChat ? 'in the browser and ' : ''}with the app you like.</p>
<h2>Make your account here</h2>
${form(invited, refused)}
<h2>Or begin in an app</h2>`
}

/** For those who have an account anywhere. */
const CONTACT_PART = html`<p>Open this in the app you chat with. Your account may be on any server: chat is open, like e-mail.</p>`

function form({ domain, name }: Invited, refused: Refused | undefined): Html {
  const value = name ?? refused?.username ?? ''
  return html`${refused && html`<p class="why" role="alert">${sentence(refused.why)}</p>`}
<form method="post">
<label for="username">Name</label>
<input id="username" name="username" value="${value}" ${name === undefined ? undefined : html`readonly `}required autocomplete="username" autocapitalize="none" spellcheck="false"> @${domain}
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="new-password">
<br><button>Make my account</button>
</form>`
}

/** The page for someone who has made an account; `webChat`: who can chat in the browser, too. */
export function welcomePage(address: string, webChat: boolean): HttpAnswer {
  return page(
    200,
    'Welcome!',
    html`<p>Your address is <b>${address}</b>. ${
      webChat
        ? html`With it and your password you sign in:</p>
<p><a class="button" href="/">Chat in the browser</a></p>
<p>Or in any app for XMPP, on as many devices as you like.`
        : 'With it and your password you sign in with any app for XMPP, on as many devices as you like.'
    }</p>`,
  )
}

/** The page for a link that leads nowhere; `webChat` as for `welcomePage`. It does not tell why: whoever guesses links learns nothing. */
export function unknownPage(webChat: boolean): HttpAnswer {
  return page(
    404,
    'This invitation is not good any more',
    html`<p>It was used, has expired, or the link is not complete. Ask whoever sent it to you for a new one.</p>
<p>You have made your account with it? Then just ${webChat ? html`<a href="/">sign in</a>` : 'sign in'}.</p>`,
  )
}

/** The page for what is refused for another reason. */
export function refusalPage(status: number, why: string): HttpAnswer {
  return page(status, 'That did not work', html`<p>${sentence(why)}</p>`)
}

/** The text of an error as a sentence. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function page(status: number, title: string, body: Html): HttpAnswer {
  const { text } = html`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${new Html(STYLE)}</style></head>
<body><h1>${title}</h1>
${body}
</body>
</html>
`
  return { status, headers: HEADERS, body: text }
}
