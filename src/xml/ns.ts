/** The XML namespaces that the server speaks, by words. One place, so that a misspelt namespace does not compile. */
export const NS = {
  // XML itself
  xml: 'http://www.w3.org/XML/1998/namespace',
  xmlns: 'http://www.w3.org/2000/xmlns/',

  // RFC 6120: streams and what is negotiated on them
  stream: 'http://etherx.jabber.org/streams',
  streamErrors: 'urn:ietf:params:xml:ns:xmpp-streams',
  stanzaErrors: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  client: 'jabber:client',
  server: 'jabber:server',
  tls: 'urn:ietf:params:xml:ns:xmpp-tls',
  sasl: 'urn:ietf:params:xml:ns:xmpp-sasl',
  bind: 'urn:ietf:params:xml:ns:xmpp-bind',
  /** RFC 3921 §3. RFC 6121 dropped it; old clients still ask for it. */
  session: 'urn:ietf:params:xml:ns:xmpp-session',
  /** RFC 7395: streams over WebSocket. */
  framing: 'urn:ietf:params:xml:ns:xmpp-framing',

  // RFC 6121
  roster: 'jabber:iq:roster',
  rosterVersioning: 'urn:xmpp:features:rosterver',
  preapproval: 'urn:xmpp:features:pre-approval',

  // XMPP extensions, each with the number of its XEP
  /** XEP-0027, obsolete */
  pgp: 'jabber:x:encrypted',
  /** XEP-0004 */
  forms: 'jabber:x:data',
  /** XEP-0012 */
  lastActivity: 'jabber:iq:last',
  /** XEP-0013 */
  flexibleOffline: 'http://jabber.org/protocol/offline',
  /** XEP-0030 */
  discoInfo: 'http://jabber.org/protocol/disco#info',
  /** XEP-0030 */
  discoItems: 'http://jabber.org/protocol/disco#items',
  /** XEP-0045 */
  room: 'http://jabber.org/protocol/muc',
  stableId: 'http://jabber.org/protocol/muc#stable_id',
  roomUser: 'http://jabber.org/protocol/muc#user',
  roomAdmin: 'http://jabber.org/protocol/muc#admin',
  roomOwner: 'http://jabber.org/protocol/muc#owner',
  roomConfig: 'http://jabber.org/protocol/muc#roomconfig',
  roomInfo: 'http://jabber.org/protocol/muc#roominfo',
  roomRequest: 'http://jabber.org/protocol/muc#request',
  roomRegister: 'http://jabber.org/protocol/muc#register',
  roomTraffic: 'http://jabber.org/protocol/muc#traffic',
  /** docs/protocol/groups.md */
  groups: 'tidings:groups:0',
  /** XEP-0410 */
  selfPing: 'http://jabber.org/protocol/muc#self-ping-optimization',
  /** XEP-0421 */
  occupantId: 'urn:xmpp:occupant-id:0',
  /** XEP-0048: what is in private storage, and in a node of this name. */
  storedBookmarks: 'storage:bookmarks',
  /** XEP-0049 */
  privateStorage: 'jabber:iq:private',
  /** XEP-0050: also the node of the list of commands. */
  commands: 'http://jabber.org/protocol/commands',
  /** XEP-0054 */
  vcard: 'vcard-temp',
  /** XEP-0153 */
  vcardUpdate: 'vcard-temp:x:update',
  /** XEP-0292: cards as RFC 6351 writes them, and the node that holds one. */
  vcard4: 'urn:ietf:params:xml:ns:vcard-4.0',
  vcard4Node: 'urn:xmpp:vcard4',
  /** XEP-0084 */
  avatarData: 'urn:xmpp:avatar:data',
  avatarMetadata: 'urn:xmpp:avatar:metadata',
  /** XEP-0398 */
  avatarConversion: 'urn:xmpp:pep-vcard-conversion:0',
  /** XEP-0059 */
  resultSets: 'http://jabber.org/protocol/rsm',
  /** XEP-0060 */
  pubsub: 'http://jabber.org/protocol/pubsub',
  /** XEP-0060: what the owner of a node asks for. */
  pubsubOwner: 'http://jabber.org/protocol/pubsub#owner',
  /** XEP-0060: notifications. */
  pubsubEvent: 'http://jabber.org/protocol/pubsub#event',
  /** XEP-0060: conditions of errors. */
  pubsubErrors: 'http://jabber.org/protocol/pubsub#errors',
  /** XEP-0060: the type of the form that says how a node is. */
  pubsubNodeConfig: 'http://jabber.org/protocol/pubsub#node_config',
  /** XEP-0077 */
  register: 'jabber:iq:register',
  /** XEP-0077: the stream feature. */
  registerFeature: 'http://jabber.org/features/iq-register',
  /** XEP-0085 */
  chatStates: 'http://jabber.org/protocol/chatstates',
  /** XEP-0092 */
  version: 'jabber:iq:version',
  /** XEP-0114 */
  component: 'jabber:component:accept',
  /** XEP-0115 */
  capabilities: 'http://jabber.org/protocol/caps',
  /** XEP-0122 */
  formValidation: 'http://jabber.org/protocol/xdata-validate',
  /** XEP-0124: the body of each request and answer. */
  httpBind: 'http://jabber.org/protocol/httpbind',
  /** XEP-0133: FORM_TYPE, and what the nodes of its commands begin with. */
  administration: 'http://jabber.org/protocol/admin',
  /** XEP-0157: FORM_TYPE of the contact addresses. */
  serverInfo: 'http://jabber.org/network/serverinfo',
  /** XEP-0160: a feature, not a namespace of elements. */
  offlineMessages: 'msgoffline',
  /** XEP-0184 */
  receipts: 'urn:xmpp:receipts',
  /** XEP-0191 */
  blocking: 'urn:xmpp:blocking',
  /** XEP-0191: in errors. */
  blockingErrors: 'urn:xmpp:blocking:errors',
  /** XEP-0198 */
  streamManagement: 'urn:xmpp:sm:3',
  /** XEP-0199 */
  ping: 'urn:xmpp:ping',
  /** XEP-0202 */
  time: 'urn:xmpp:time',
  /** XEP-0203 */
  delay: 'urn:xmpp:delay',
  /** XEP-0206: attributes of that body. */
  xbosh: 'urn:xmpp:xbosh',
  /** XEP-0220 */
  dialback: 'jabber:server:dialback',
  /** XEP-0227 */
  portable: 'urn:xmpp:pie:0',
  /** XEP-0227: archives. */
  portableArchive: 'urn:xmpp:pie:0#mam',
  /** XEP-0227: keys. */
  portableScram: 'urn:xmpp:pie:0#scram',
  /** XEP-0227 §5: includes other files. */
  include: 'http://www.w3.org/2001/XInclude',
  /** XEP-0249 */
  conference: 'jabber:x:conference',
  /** XEP-0280 */
  carbons: 'urn:xmpp:carbons:2',
  /** XEP-0280: a feature. */
  carbonRules: 'urn:xmpp:carbons:rules:0',
  /** XEP-0297 */
  forward: 'urn:xmpp:forward:0',
  /** XEP-0308 */
  correction: 'urn:xmpp:message-correct:0',
  /** XEP-0313 */
  archive: 'urn:xmpp:mam:2',
  /** XEP-0313: a feature. */
  extendedArchive: 'urn:xmpp:mam:2#extended',
  /** XEP-0333 */
  chatMarkers: 'urn:xmpp:chat-markers:0',
  /** XEP-0334 */
  hints: 'urn:xmpp:hints',
  /** XEP-0352 */
  clientState: 'urn:xmpp:csi:0',
  /** XEP-0353 */
  callMessages: 'urn:xmpp:jingle-message:0',
  /** XEP-0359 */
  stanzaIds: 'urn:xmpp:sid:0',
  /** XEP-0373 */
  openpgp: 'urn:xmpp:openpgp:0',
  /** XEP-0379 */
  preauth: 'urn:xmpp:pars:0',
  /** XEP-0380 */
  explicitEncryption: 'urn:xmpp:eme:0',
  /** XEP-0384, as most clients speak it: version 0.3. */
  omemoLegacy: 'eu.siacs.conversations.axolotl',
  /** XEP-0384 */
  omemo: 'urn:xmpp:omemo:2',
  /** XEP-0386 */
  bind2: 'urn:xmpp:bind:0',
  /** XEP-0388 */
  sasl2: 'urn:xmpp:sasl:2',
  /** XEP-0401: what the nodes of its commands begin with. */
  invite: 'urn:xmpp:invite',
  /** XEP-0402 */
  bookmarks: 'urn:xmpp:bookmarks:1',
  /** XEP-0424 */
  retraction: 'urn:xmpp:message-retract:1',
  /** XEP-0424: a feature. */
  tombstones: 'urn:xmpp:message-retract:1#tombstone',
  /** XEP-0425 */
  moderation: 'urn:xmpp:message-moderate:1',
  /** XEP-0452 */
  mentions: 'urn:xmpp:mmn:0',
  /** XEP-0372 */
  references: 'urn:xmpp:reference:0',
  /** docs/protocol/backup.md */
  backup: 'tidings:backup:0',
  /** XEP-0377 */
  reporting: 'urn:xmpp:reporting:1',
  /** docs/protocol/prekeys.md */
  prekeys: 'tidings:prekeys:0',
  /** docs/protocol/sequence.md */
  sequence: 'tidings:sequence:0',
  /** docs/protocol/settings.md: also the node of the command. */
  settings: 'tidings:settings:0',
  /** docs/protocol/status.md */
  status: 'tidings:status:0',
  /** XEP-0440 */
  channelBindings: 'urn:xmpp:sasl-cb:0',
  /** XEP-0444 */
  reactions: 'urn:xmpp:reactions:0',
  /** XEP-0445: the stream feature. */
  invitedRegistration: 'urn:xmpp:ibr-token:0',
  /** XEP-0478 */
  streamLimits: 'urn:xmpp:stream-limits:0',
  /** XEP-0482 */
  callInvites: 'urn:xmpp:call-invites:0',
  /** XEP-0490 */
  displayedSync: 'urn:xmpp:mds:displayed:0',
} as const
