/** All extensions, in load order: whoever is needed comes before those who need it. Stages and events run in this order, too. */
import type { Extension } from '../core/extension.ts'
import contactAddresses from './contact-addresses.ts'
import delay from './delay.ts'
import disco from './disco.ts'
import hints from './hints.ts'
import hostMeta from './host-meta.ts'
import offline from './offline/index.ts'
import ping from './ping.ts'
import presence from './presence.ts'
import roster from './roster.ts'
import time from './time.ts'
import version from './version.ts'

export const extensions: readonly Extension[] = [
  disco,
  contactAddresses,
  ping,
  version,
  time,
  hostMeta,
  roster,
  // A user hears of his own presence before the messages that waited for it.
  presence,
  delay,
  hints,
  // Last of the guards, so that nothing is counted or stored that another one refuses.
  offline,
]
