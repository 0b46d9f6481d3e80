/** XEP-0334: Message Processing Hints. */
import { defineExtension } from '../core/extension.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'

/** What a sender wishes about storing: `store` even what would not be, `no-permanent-store` only until delivered, `no-store` not at all. */
export type StoreHint = 'store' | 'no-permanent-store' | 'no-store'

/** What other extensions ask about a message. */
export interface Hints {
  /** The wish about storing, or undefined where there is none. Of several the most private one counts. */
  storing(message: Stanza): StoreHint | undefined
  /** Whether it may be copied to other sessions than those it is for. */
  copyable(message: Stanza): boolean
}

const BY_PRIVACY: readonly StoreHint[] = ['no-store', 'no-permanent-store', 'store']

export default defineExtension({
  name: 'hints',
  doc: "Heeds the sender's hints on storing and copying a message",
  xeps: [{ xep: 334, version: '1.0.0', status: 'complete' }],
  setup: () => ({ provides: { storing, copyable } satisfies Hints }),
})

function storing(message: Stanza): StoreHint | undefined {
  // XEP-0334 §5: hints in an error are those of the message it answers.
  if (message.type === 'error') return undefined
  // Looked for one by one only where there are any: this is asked twice for a message.
  return message.hasIn(NS.hints) ? BY_PRIVACY.find(hint => message.has(hint, NS.hints)) : undefined
}

function copyable(message: Stanza): boolean {
  // XEP-0334 §5: as above.
  return message.type === 'error' || !message.has('no-copy', NS.hints)
}
