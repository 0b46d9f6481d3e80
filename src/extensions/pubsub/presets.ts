/** Nodes that clients expect to be in a certain way: their first publish makes them so, whatever the client says or forgets to say. */
import { NS } from '../../xml/ns.ts'
import { DEFAULTS, type NodeConfig } from './config.ts'

/** Keys of devices are for everybody who wants to write: XEP-0384 §5.3.1, §5.3.2. */
const OPEN: Partial<NodeConfig> = { access: 'open' }
const PRESETS: Readonly<Record<string, Partial<NodeConfig>>> = {
  [`${NS.omemo}:devices`]: OPEN,
  [`${NS.omemo}:bundles`]: { access: 'open', items: 'max' },
  [`${NS.omemoLegacy}.devicelist`]: OPEN,
  // XEP-0292 §3.1: by way of XEP-0222.
  [NS.vcard4Node]: OPEN,
  // XEP-0402 §2.3: nobody else learns of them, and each is an item.
  [NS.bookmarks]: { access: 'whitelist', items: 'max', sendLast: 'never' },
  // XEP-0490 §4: the same.
  [NS.displayedSync]: { access: 'whitelist', items: 'max', sendLast: 'never' },
  // XEP-0223 §3: what was in private storage (XEP-0048 §3).
  [NS.storedBookmarks]: { access: 'whitelist', sendLast: 'never' },
}

/** How a node of an account is at first, by its name. */
export function accountNode(node: string): NodeConfig {
  const preset = node.startsWith(`${NS.omemoLegacy}.bundles:`) ? OPEN : PRESETS[node]
  return { ...DEFAULTS, ...preset }
}

/** How a node of the service is at first: what is published is for everybody, and there is more than one item. */
export const SERVICE_NODE: NodeConfig = {
  ...DEFAULTS,
  access: 'open',
  items: 'max',
  sendLast: 'on_sub',
}
