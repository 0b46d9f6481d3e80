/** What may be asked of nodes, by the element that asks. */
import { get, type IqContext, type IqRegistration, type Place, set } from '../../core/extension.ts'
import { NS } from '../../xml/ns.ts'
import { unsupported } from './errors.ts'
import { items } from './items.ts'
import { affiliationList, setAffiliations, setSubscriptions, subscriptionList } from './manage.ts'
import { configuration, configure, create, defaults, deleteNode, purge } from './owner.ts'
import type { Action, NodeParts } from './parts.ts'
import { publish, retract } from './publish.ts'
import { actionOf } from './requests.ts'
import {
  affiliations,
  defaultOptions,
  options,
  setOptions,
  subscribe,
  subscriptions,
  unsubscribe,
} from './subscribe.ts'

type Actions = Readonly<Record<string, Action>>

const GET: Actions = { items, subscriptions, affiliations, options, default: defaultOptions }
const SET: Actions = { publish, retract, create, subscribe, unsubscribe, options: setOptions }
const OWNER_GET: Actions = {
  configure: configuration,
  default: defaults,
  subscriptions: subscriptionList,
  affiliations: affiliationList,
}
const OWNER_SET: Actions = {
  configure,
  delete: deleteNode,
  purge,
  subscriptions: setSubscriptions,
  affiliations: setAffiliations,
}

/** The requests about the nodes of a place. */
export function answering(place: Place, parts: NodeParts): readonly IqRegistration[] {
  const { homes } = parts.host.router
  const handle =
    (actions: Actions, beside: (name: string) => boolean = () => false) =>
    (iq: IqContext) => {
      const action = actionOf(iq, beside)
      const run = actions[action.getName()]
      if (run === undefined) throw unsupported(action.getName())
      // What is published comes to everybody in its order.
      return homes.inLane(iq.owner, () => run(parts, iq, action))
    }
  const any = { access: 'any' } as const
  return [
    get(
      NS.pubsub,
      'pubsub',
      place,
      handle(GET, name => name === 'set'),
      any,
    ),
    set(
      NS.pubsub,
      'pubsub',
      place,
      handle(SET, name => BESIDE.includes(name)),
      any,
    ),
    get(NS.pubsubOwner, 'pubsub', place, handle(OWNER_GET), any),
    set(NS.pubsubOwner, 'pubsub', place, handle(OWNER_SET), any),
  ]
}

/** Elements that go with another one. */
const BESIDE: readonly string[] = ['publish-options', 'configure', 'options']
