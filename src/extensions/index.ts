/** All extensions, in load order: whoever is needed comes before those who need it. Stages and events run in this order, too. */
import type { Extension } from '../core/extension.ts'
import administration from './administration/index.ts'
import archive from './archive/index.ts'
import backups from './backups/index.ts'
import blocking from './blocking/index.ts'
import bookmarks from './bookmarks/index.ts'
import capabilities from './capabilities/index.ts'
import carbons from './carbons.ts'
import commands from './commands/index.ts'
import contactAddresses from './contact-addresses.ts'
import delay from './delay.ts'
import disco from './disco.ts'
import hints from './hints.ts'
import hostMeta from './host-meta.ts'
import invitations from './invitations/index.ts'
import lastActivity from './last-activity.ts'
import muc from './muc/index.ts'
import offline from './offline/index.ts'
import omemo from './omemo/index.ts'
import ping from './ping.ts'
import prekeys from './prekeys/index.ts'
import presence from './presence/index.ts'
import privateStorage from './private-storage.ts'
import profiles from './profiles/index.ts'
import pubsub from './pubsub/index.ts'
import registration from './registration/index.ts'
import reports from './reports/index.ts'
import roster from './roster/index.ts'
import sequence from './sequence.ts'
import settings from './settings/index.ts'
import stanzaIds from './stanza-ids.ts'
import status from './status/index.ts'
import time from './time.ts'
import typing from './typing.ts'
import vcardTemp from './vcard-temp.ts'
import version from './version.ts'

export const extensions: readonly Extension[] = [
  disco,
  // First of the guards: nobody else looks at what is blocked.
  blocking,
  commands,
  contactAddresses,
  ping,
  version,
  time,
  hostMeta,
  registration,
  invitations,
  administration,
  reports,
  privateStorage,
  backups,
  vcardTemp,
  roster,
  lastActivity,
  // A user hears of his own presence before the messages that waited for it.
  presence,
  delay,
  stanzaIds,
  capabilities,
  pubsub,
  settings,
  muc,
  omemo,
  profiles,
  bookmarks,
  prekeys,
  hints,
  archive,
  sequence,
  status,
  carbons,
  typing,
  // Last of the guards, so that nothing is counted or stored that another one refuses.
  offline,
]
