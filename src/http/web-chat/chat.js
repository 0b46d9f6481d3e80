/** Starts Converse for this server. Runs in the browser, after the script of Converse. */
const { domain, websocket } = document.body.dataset

/** XEP-0191 */
const BLOCKING = 'urn:xmpp:blocking'
/** XEP-0402 */
const BOOKMARKS = 'urn:xmpp:bookmarks:1'

/** Nobody but this server is asked for anything. */
const SETTINGS = {
  // What the server delivers is shown, and who is no contact yet can be written to.
  allow_non_roster_messaging: true,
  allow_registration: false,
  assets_path: '/chat/converse/',
  authentication: 'login',
  auto_reconnect: true,
  autocomplete_providers_url: '',
  default_domain: domain,
  discover_connection_methods: false,
  // COMPAT Converse 14: who logs out takes the contacts along, but not their version, and sees none after the next sign-in.
  enable_roster_versioning: false,
  loglevel: 'warn',
  // Whoever enters a room is called there as on the server.
  muc_nickname_from_jid: true,
  // COMPAT Converse 14: without any it has no field for the name of a room, and its own is elsewhere. This server says that it has no such search.
  muc_search_service: domain,
  render_media: false,
  show_self_in_roster: false,
  view_mode: 'fullscreen',
  websocket_url: websocket,
  whitelisted_plugins: ['tidings'],
}

/** In place of the logo of Converse: where one signs in. */
class Heading extends HTMLElement {
  connectedCallback() {
    const heading = document.createElement('h1')
    heading.textContent = domain
    this.replaceChildren(heading)
  }
}

/** In place of its footer, which would fetch pictures from elsewhere. */
class Footer extends HTMLElement {
  connectedCallback() {
    const link = document.createElement('a')
    Object.assign(link, { href: 'https://conversejs.org', rel: 'noopener', target: '_blank' })
    link.textContent = 'Converse'
    this.replaceChildren('This chat is ', link, ', free software.')
  }
}

/** In place of its links to elsewhere. */
class Nothing extends HTMLElement {}

/** Called when a request of a contact is answered; those that are refused are gone. */
function askInReturn(contact) {
  const accepted = !contact.get('requesting') && contact.get('subscription') === 'from'
  const asked = contact.previous('subscription') === 'to' || contact.get('ask') === 'subscribe'
  if (accepted && !asked) contact.subscribeToPresence()
}

/** A message came twice: by itself and from the archive. One of both could be decrypted, and may have come last. */
function withPlaintext(message, update, { plaintext }) {
  return plaintext && !message.get('plaintext') ? { ...update, plaintext } : update
}

const plugin = {
  initialize() {
    const { disco, elements, listen, trigger } = this._converse.api
    const signedIn = yes => document.body.classList.toggle('signed-in', yes)
    for (const event of ['connected', 'reconnected']) listen.on(event, () => signedIn(true))
    listen.on('disconnected', () => signedIn(false))
    // COMPAT Converse 14: it leaves the password in its form, and where the device is not trusted an empty page.
    listen.on('logout', () => location.reload())
    // COMPAT Converse 14: it opens no chat before it has the list of the blocked, which not every server keeps.
    listen.on('connected', async () => {
      if (!(await disco.supports(BLOCKING, domain))) trigger('blocklistInitialized', new Map())
    })
    // COMPAT Converse 14: who accepts a contact does not ask for the same in return, although its source means to.
    listen.on('rosterInitialized', () => {
      const { roster } = this._converse.state
      roster.off('change:requesting', askInReturn).on('change:requesting', askInReturn)
    })
    // COMPAT Converse 14: it reads bookmarks in this form, but asks to be told of those in the older one alone.
    listen.on('addClientFeatures', () => disco.own.features.add(`${BOOKMARKS}+notify`))
    // COMPAT Converse 14: it takes both at once, and shows only that it cannot read the other one.
    listen.on('getUpdatedMessageAttributes', withPlaintext)
    elements.define('converse-brand-logo', Heading)
    elements.define('converse-footer', Footer)
    elements.define('converse-controlbox-navbar', Nothing)
    document.body.classList.add('chatting')
  },
}

try {
  const { converse } = globalThis
  converse.plugins.add('tidings', plugin)
  await converse.initialize(SETTINGS)
} catch (error) {
  console.error(error)
  document.body.classList.remove('chatting')
  document.getElementById('status').textContent =
    'The chat could not be started. Reload the page to try again.'
}
