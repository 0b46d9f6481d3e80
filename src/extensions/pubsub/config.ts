/** XEP-0060 §16.4.4: how a node is configured, as far as its options change anything here. */

import { StanzaError } from '../../core/errors.ts'
import { type Element, xml } from '../../xml/element.ts'
import { blankForm, field, type SubmittedValues } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import { pubsubError } from './errors.ts'

/** Who may see what a node holds: XEP-0060 §4.5. */
export type Access = 'open' | 'presence' | 'roster' | 'authorize' | 'whitelist'

/** Those that nodes of accounts can have. */
export const ACCOUNT_MODELS: readonly Access[] = ['open', 'presence', 'roster', 'authorize', 'whitelist']

/** Who may publish, besides owners and publishers: XEP-0060 §16.4.4. */
export type Publishers = 'publishers' | 'subscribers' | 'open'

/** When the last item is sent to whoever did not ask for it. */
export type SendLast = 'never' | 'on_sub' | 'on_sub_and_presence'

/** How a node is. */
export interface NodeConfig {
  readonly title: string
  readonly access: Access
  /** With the access model roster: contacts in one of these groups. */
  readonly groups: readonly string[]
  /** How many items it keeps; `max`: as many as the limits of the server allow. */
  readonly items: number | 'max'
  /** Whether items are kept at all. */
  readonly persist: boolean
  readonly sendLast: SendLast
  /** Whether those who are notified are told of items that are taken back. */
  readonly notifyRetract: boolean
  /** Whether notifications hold the payload. */
  readonly payloads: boolean
  readonly publishers: Publishers
  /** Whether those who are notified are told when the node is configured. */
  readonly notifyConfig: boolean
}

/** XEP-0163 §4.3.1 and §5: what a node of an account is like if nobody says otherwise. */
export const DEFAULTS: NodeConfig = {
  title: '',
  access: 'presence',
  groups: [],
  items: 1,
  persist: true,
  sendLast: 'on_sub_and_presence',
  notifyRetract: true,
  payloads: true,
  publishers: 'publishers',
  notifyConfig: false,
}

const PREFIX = 'pubsub#'
const GROUPS = `${PREFIX}roster_groups_allowed`
const PUBLISHERS: readonly string[] = ['publishers', 'subscribers', 'open'] satisfies Publishers[]
const ACCESS: Readonly<Record<Access, string>> = {
  open: 'everybody',
  presence: 'who may see when the owner is online',
  roster: 'of these who is in one of some groups',
  authorize: 'whom an owner has let subscribe',
  whitelist: 'its members',
}
const SEND_LAST: readonly string[] = ['never', 'on_sub', 'on_sub_and_presence'] satisfies SendLast[]
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
])

/** XEP-0060 §8.2: the form to be filled in; `models`: the access models that there are. */
export function configForm(config: NodeConfig, models: readonly Access[]): Element {
  const { title, access, groups, items, persist, sendLast, notifyRetract, payloads, publishers } = config
  const choice = <C extends string>(label: string, options: Readonly<Record<C, string>>, value: C) => ({
    ...field.choice({ label, options }),
    value,
  })
  const form = blankForm({
    formType: NS.pubsubNodeConfig,
    title: 'How the node is',
    fields: {
      'pubsub#title': { ...field.text({ label: 'A name for people' }), value: title },
      'pubsub#access_model': choice(
        'Who may see what it holds',
        Object.fromEntries(models.map(model => [model, ACCESS[model]])) as Record<Access, string>,
        access,
      ),
      'pubsub#publish_model': choice<Publishers>(
        'Who may publish',
        { publishers: 'its publishers', subscribers: 'also subscribers', open: 'everybody' },
        publishers,
      ),
      'pubsub#max_items': {
        ...field.text({ label: 'How many items it keeps, or max' }),
        value: String(items),
      },
      'pubsub#persist_items': field.boolean({ label: 'Items are kept', value: persist }),
      'pubsub#send_last_published_item': choice(
        'When the last item is sent unasked',
        { never: 'never', on_sub: 'to new subscribers', on_sub_and_presence: 'also to who comes online' },
        sendLast,
      ),
      'pubsub#notify_retract': field.boolean({
        label: 'Tell when an item is taken back',
        value: notifyRetract,
      }),
      'pubsub#notify_config': field.boolean({
        label: 'Tell when the node is configured',
        value: config.notifyConfig,
      }),
      'pubsub#deliver_payloads': field.boolean({ label: 'Notifications hold the payload', value: payloads }),
    },
  })
  if (!models.includes('roster')) return form
  const named = groups.map(group => xml('value', {}, group))
  form.cnode(xml('field', { var: GROUPS, type: 'list-multi', label: 'The groups' }, named))
  return form
}

/** What a form that was filled in, or publish-options, change about a configuration. Options that mean nothing here are left aside. Throws. */
export function changedBy(values: SubmittedValues, models: readonly Access[]): Partial<NodeConfig> {
  const one = (name: string): string | undefined => values.get(`${PREFIX}${name}`)?.[0]
  const access = one('access_model')
  // XEP-0060 §8.1.3
  if (access !== undefined && !(models as readonly string[]).includes(access))
    throw pubsubError('not-acceptable', 'unsupported-access-model')
  const sendLast = one('send_last_published_item')
  if (sendLast !== undefined && !SEND_LAST.includes(sendLast)) throw refused('send_last_published_item')
  const publishers = one('publish_model')
  if (publishers !== undefined && !PUBLISHERS.includes(publishers)) throw refused('publish_model')
  const given: { [K in keyof NodeConfig]?: NodeConfig[K] | undefined } = {
    title: one('title'),
    access: access as Access | undefined,
    groups: values.get(GROUPS),
    items: itemsIn(one('max_items')),
    persist: flagIn('persist_items', one('persist_items')),
    sendLast: sendLast as SendLast | undefined,
    notifyRetract: flagIn('notify_retract', one('notify_retract')),
    payloads: flagIn('deliver_payloads', one('deliver_payloads')),
    publishers: publishers as Publishers | undefined,
    notifyConfig: flagIn('notify_config', one('notify_config')),
  }
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<NodeConfig>
}

/** Whether a node is as somebody wants it to be who publishes: XEP-0060 §7.1.5. */
export function fits(config: NodeConfig, wanted: Partial<NodeConfig>): boolean {
  return (Object.keys(wanted) as (keyof NodeConfig)[]).every(
    // What it is called changes nothing about who sees what.
    name => name === 'title' || isSame(config[name], wanted[name]),
  )
}

function isSame(one: NodeConfig[keyof NodeConfig], other: NodeConfig[keyof NodeConfig] | undefined): boolean {
  return Array.isArray(one) && Array.isArray(other) ? one.join('\n') === other.join('\n') : one === other
}

function itemsIn(text: string | undefined): number | 'max' | undefined {
  if (text === undefined || text === '') return undefined
  if (text === 'max') return 'max'
  if (!/^[1-9]\d{0,8}$/.test(text)) throw refused('max_items')
  return Number(text)
}

function flagIn(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  const flag = BOOLEANS.get(text)
  if (flag === undefined) throw refused(name)
  return flag
}

function refused(name: string): StanzaError {
  return new StanzaError('not-acceptable', { text: `pubsub#${name} cannot have this value` })
}
