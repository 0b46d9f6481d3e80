/** XEP-0384 §5.3.1, §5.3.2: the lists of devices that an account publishes, of both versions, and what belongs to a device in them. */
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import type { PublishedEdit, PublishedNodes } from '../pubsub/index.ts'

/** A list: its node, and how the bundle of a device goes. */
interface List {
  readonly node: string
  readonly bundle: (device: number) => PublishedEdit
}

const LISTS: readonly List[] = [
  {
    node: `${NS.omemoLegacy}.devicelist`,
    bundle: device => ({ node: `${NS.omemoLegacy}.bundles:${device}`, gone: true }),
  },
  {
    node: `${NS.omemo}:devices`,
    bundle: device => ({ node: `${NS.omemo}:bundles`, drop: [String(device)] }),
  },
]

/** The numbers of all devices in the lists. */
export async function listed(published: PublishedNodes, owner: JID): Promise<Set<number>> {
  const found = new Set<number>()
  for (const { node } of LISTS)
    for (const { payload } of (await published.items(owner, node)) ?? [])
      for (const device of devicesIn(payload)) found.add(Number(device.attrs.id))
  return found
}

/** What has to change so that a device stands in no list and has no bundle. */
export async function editsWithout(
  published: PublishedNodes,
  owner: JID,
  device: number,
): Promise<PublishedEdit[]> {
  const edits: PublishedEdit[] = []
  for (const { node, bundle } of LISTS) {
    edits.push(bundle(device))
    for (const { id, payload } of (await published.items(owner, node)) ?? []) {
      const rest = without(payload, device)
      if (rest !== undefined) edits.push({ node, put: { id, payload: rest } })
    }
  }
  return edits
}

function devicesIn(payload: string | undefined): Element[] {
  return payload === undefined ? [] : parseElement(payload).getChildren('device')
}

/** A list without a device; undefined where it is not in it. */
function without(payload: string | undefined, device: number): string | undefined {
  const list = payload === undefined ? undefined : parseElement(payload)
  const gone = list?.getChildren('device').filter(one => Number(one.attrs.id) === device) ?? []
  if (list === undefined || gone.length === 0) return undefined
  for (const one of gone) list.remove(one)
  return printAlone(list)
}
