/** docs/protocol/groups.md: the commands (XEP-0050 §2) by which admins make links to their room, look at them and take them back. */
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import { dateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import { field, resultForm } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import type { Command } from '../commands/index.ts'
import { inRoom } from './in-room.ts'
import { goodLinks, makeLink, revokeLink } from './links.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { InviteLink, Room } from './room.ts'

type Dialog = Parameters<Command['run']>[0]

/** How long a link is good, in hours. */
const HOURS = { 1: 'An hour', 24: 'A day', 168: 'A week', 720: '30 days' } as const
/** How many become members by it. */
const USES = { 1: '1', 10: '10', 100: '100', 1000: '1,000' } as const

/** Commands of rooms. */
export function linkCommands(parts: MucParts): Command[] {
  const command = (node: string, name: string, run: Command['run']): Command => ({
    node: `${NS.groups}#${node}`,
    name,
    place: 'room',
    access: 'users',
    run,
  })
  return [
    command('create-link', 'Make an invitation link', dialog => make(parts, dialog)),
    command('links', 'Invitation links', async dialog => ({
      payload: [listed(await asAdmin(parts, dialog, room => goodLinks(parts, room)))],
    })),
    command('revoke-link', 'Take back an invitation link', dialog => revoke(parts, dialog)),
  ]
}

/** In the lane of the room. Rejects with the StanzaErrors `forbidden`, `item-not-found`. */
function asAdmin<T>(parts: MucParts, { owner, asker }: Dialog, task: (room: Room) => Maybe<T>): Promise<T> {
  return inRoom(parts, owner, room => {
    if (!isAtLeast(room.affiliation(asker), 'admin')) throw new StanzaError('forbidden')
    return task(room)
  })
}

async function make(parts: MucParts, dialog: Dialog): ReturnType<Command['run']> {
  await asAdmin(parts, dialog, () => undefined)
  const { values } = await dialog.ask({
    title: 'Make an invitation link',
    instructions: 'Whoever has the link becomes a member by entering with it.',
    fields: {
      hours: field.choice<string>({ label: 'How long it is good', options: HOURS, value: '168' }),
      uses: field.choice<string>({ label: 'How many can use it', options: USES, value: '1' }),
    },
  })
  const wish = { hours: Number(values.hours), uses: Number(values.uses) }
  const { uri, expires } = await asAdmin(parts, dialog, room => makeLink(parts, room, dialog.asker, wish))
  const form = resultForm(`${NS.groups}#link`, {
    uri: { label: 'Link', value: uri },
    expire: { label: 'Good until', value: dateTime(expires) },
  })
  return { payload: [form] }
}

/** XEP-0004 §3.4: a table. */
function listed(links: readonly [string, InviteLink][]): Element {
  const columns = { id: 'Id', by: 'Made by', expire: 'Good until', uses: 'Uses left' }
  const cell = (name: string, value: string): Element => xml('field', { var: name }, xml('value', {}, value))
  return xml(
    'x',
    { xmlns: NS.forms, type: 'result' },
    xml('title', {}, 'Invitation links'),
    xml(
      'reported',
      {},
      Object.entries(columns).map(([name, label]) => xml('field', { var: name, type: 'text-single', label })),
    ),
    links.map(([id, { by, expires, uses }]) =>
      xml(
        'item',
        {},
        cell('id', id),
        cell('by', by),
        cell('expire', dateTime(expires)),
        cell('uses', String(uses)),
      ),
    ),
  )
}

async function revoke(parts: MucParts, dialog: Dialog): ReturnType<Command['run']> {
  const links = await asAdmin(parts, dialog, room => goodLinks(parts, room))
  if (links.length === 0) return { notes: [{ type: 'info', text: 'There are no links.' }] }
  const options = Object.fromEntries(
    links.map(([id, { by, expires, uses }]) => [
      id,
      `${id}: by ${by}, until ${dateTime(expires)}, uses left: ${uses}`,
    ]),
  )
  const { values } = await dialog.ask({
    title: 'Take back an invitation link',
    fields: { id: field.choice<string>({ label: 'Link', options }) },
  })
  await asAdmin(parts, dialog, room => revokeLink(parts, room, values.id))
  return { notes: [{ type: 'info', text: 'The link leads nowhere any more.' }] }
}
