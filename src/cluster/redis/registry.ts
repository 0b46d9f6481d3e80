import { SLOTS } from '../slots.ts'
import type { RedisConnection } from './connect.ts'
import { BEAT, BURY, CHANGE, LEAVE } from './scripts.ts'
import { SlotTable, UNKNOWN } from './slot-table.ts'

/** What a node tells the others about itself. */
export interface MemberRecord {
  /** Counts up as long as the node is alive. */
  readonly beat: number
  /** Where its links are. */
  readonly address: string
  /** It gives its slots away. */
  readonly draining: boolean
  /** Nodes that it cannot reach any more though they are alive. */
  readonly unreachable: readonly string[]
}

/** What Redis says. */
export interface Sight {
  /** See scripts.ts. */
  readonly run: string
  readonly settledRun: string
  readonly version: string
  /** This node was given up by the others. */
  readonly buried: boolean
  /** By name; the text is what `bury` wants. */
  readonly members: ReadonlyMap<string, { readonly record: MemberRecord; readonly text: string }>
  /** Undefined when it is as it was. */
  readonly table: SlotTable | undefined
}

/** Something that was told to all nodes. */
export type Hint =
  | { readonly kind: 'beat'; readonly node: string; readonly beat: number }
  | { readonly kind: 'changed'; readonly node: string }

/** For so long it is known who was given up. */
const BURIED_SECONDS = 7 * 86_400
const MOST_AT_A_TIME = 1024

/** What all nodes of a cluster share in Redis. All of its calls reject when Redis does not answer; what they were to do may be done. */
export class Registry {
  readonly #redis: RedisConnection
  readonly #subscriber: RedisConnection
  readonly #node: string
  readonly #keys: Readonly<Record<'members' | 'slots' | 'version' | 'settled' | 'buried', string>>
  readonly #channel: string
  #run = ''
  #version = ''

  /** `prefix` tells clusters apart that share a Redis. */
  constructor(redis: RedisConnection, subscriber: RedisConnection, node: string, prefix: string) {
    const key = (name: string): string => `{${prefix}}:${name}`
    this.#redis = redis
    this.#subscriber = subscriber
    this.#node = node
    this.#channel = key('changes')
    this.#keys = {
      members: key('members'),
      slots: key('slots'),
      version: key('version'),
      settled: key('settled'),
      buried: key('buried'),
    }
  }

  /** Whether both connections are there. */
  get connected(): boolean {
    return this.#redis.status === 'ready' && this.#subscriber.status === 'ready'
  }

  /** Calls `task` whenever a connection has come about. */
  onReady(task: () => void): void {
    this.#redis.on('ready', task)
    if (this.#redis.status === 'ready') task()
  }

  /** Listens for hints. What is missed while there is no connection is found at the next beat. */
  listen(take: (hint: Hint) => void): void {
    this.#subscriber.on('message', (_channel: string, message: string) => {
      const [kind, node = '', beat] = message.split(' ')
      if (kind === 'beat') take({ kind, node, beat: Number(beat) })
      if (kind === 'changed' && node !== this.#node) take({ kind, node })
    })
    const subscribe = (): void => void this.#subscriber.subscribe(this.#channel).catch(() => {})
    this.#subscriber.on('ready', subscribe)
    if (this.#subscriber.status === 'ready') subscribe()
  }

  /** Says that this node is alive. `settles`: the run whose table it knows to be whole. */
  beat(record: MemberRecord, settles: string): Promise<Sight> {
    return this.#look(JSON.stringify(record), record.beat, settles)
  }

  /** Looks only. */
  look(): Promise<Sight> {
    return this.#look('', 0, '')
  }

  /** Changes slots from the entries that are expected to another entry: all or none (of 1,024 at a time). Whether they are so now. */
  async change(
    entry: string,
    slots: readonly number[],
    expected: (slot: number) => string,
  ): Promise<boolean> {
    for (let at = 0; at < slots.length; at += MOST_AT_A_TIME) {
      const some = slots.slice(at, at + MOST_AT_A_TIME)
      const pairs = some.flatMap(slot => [slot, expected(slot)])
      const { slots: key, version, buried } = this.#keys
      const args = [key, version, buried, this.#node, this.#run, this.#channel, entry, ...pairs]
      if ((await this.#redis.eval(CHANGE, 3, ...args)) !== 1) return false
    }
    return true
  }

  /** Gives up a node that has said nothing since this record. Whether that was so. */
  async bury(node: string, text: string): Promise<boolean> {
    const { members, buried } = this.#keys
    return (await this.#redis.eval(BURY, 2, members, buried, node, text, this.#channel, BURIED_SECONDS)) === 1
  }

  /** Takes this node off the list. */
  async leave(): Promise<void> {
    await this.#redis.eval(LEAVE, 1, this.#keys.members, this.#node, this.#channel)
  }

  /** The next look brings the whole table. */
  forgetVersion(): void {
    this.#version = ''
  }

  close(): void {
    this.#subscriber.disconnect()
    this.#redis.disconnect()
  }

  async #look(record: string, beat: number, settles: string): Promise<Sight> {
    const { members, slots, version, settled, buried } = this.#keys
    const keys = [members, slots, version, settled, buried]
    const known = [this.#run, this.#version]
    const args = [this.#node, record, beat, settles, ...known, this.#channel, UNKNOWN, SLOTS]
    const told = (await this.#redis.eval(BEAT, keys.length, ...keys, ...args)) as [
      string,
      number,
      string,
      string,
      string[],
      string,
    ]
    const [run, isBuried, settledRun, now, pairs, text] = told
    this.#run = run
    this.#version = now
    const table = text === '' ? undefined : new SlotTable(text)
    return { run, settledRun, version: now, buried: isBuried === 1, members: membersOf(pairs), table }
  }
}

function membersOf(pairs: readonly string[]): Sight['members'] {
  const members = new Map<string, { record: MemberRecord; text: string }>()
  for (let i = 0; i < pairs.length; i += 2) {
    const text = pairs[i + 1]!
    members.set(pairs[i]!, { record: JSON.parse(text) as MemberRecord, text })
  }
  return members
}
