/** A celebrity's conversation: thousands write to one account, or it writes to them; what others notice, whose home is the same node or another. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, insist } from '../clients.ts'
import { addressOf, eachBody, message, type Talker, talk, told } from '../talk.ts'
import { alone } from './machine.ts'
import { Services, Whole } from './whole.ts'

const CELEBRITY = 0
const WIDTH = 32
/** Clients that talk in pairs, of each kind. */
const TALKERS = 40
/** Accounts among which they are found. */
const SPARE = 400
const PHASE_MS = 8_000
const TICK_MS = 5
/** Messages of the celebrity that nobody has got yet. */
const WINDOW = 500

/** What to play. */
export interface CelebrityOptions {
  readonly nodes: number
  readonly fans: number
  /** Of the celebrity, each at the next node. */
  readonly devices: number
  /** Messages a second, besides as many as go through. */
  readonly rate: number
}

/** Who is there. */
interface Scene {
  readonly whole: Whole
  readonly devices: readonly Client[]
  readonly fans: readonly Talker[]
  /** Whose home is that of the celebrity, and whose is not. */
  readonly neighbours: readonly Talker[]
  readonly strangers: readonly Talker[]
}

/** What writes until it is stopped; `waits`: from a message's sending to its arrival, ms. */
interface Writing {
  readonly waits: number[]
  stop(): void
}

/** Plays it, and prints for each part how many messages got through and what others noticed. */
export async function celebrity(options: CelebrityOptions): Promise<void> {
  const { nodes, fans, rate } = options
  await using parts = new AsyncDisposableStack()
  const services = parts.adopt(await Services.start(), one => one.stop())
  const users = 1 + fans + SPARE
  const whole = parts.adopt(await Whole.start(services, { nodes, users, archive: true }), one => one.stop())
  const scene = await enter(whole, options)
  await alone(async () => {
    await part('nobody writes to the celebrity', scene, () => ({ waits: [], stop() {} }))
    await part(`all write to the celebrity, ${rate} a second`, scene, () => paced(rate, toCelebrity(scene)))
    await part('all write to the celebrity, each when the last is there', scene, () => allAtOnce(scene))
  })
  await alone(async () => {
    await part(`the celebrity writes to all, ${rate} a second`, scene, () =>
      paced(rate, fromCelebrity(scene)),
    )
    await part(`the celebrity writes to all, ${WINDOW} under way`, scene, () => toAllAtOnce(scene))
  })
  for (const { client } of [...scene.fans, ...scene.neighbours, ...scene.strangers]) client.cut()
  for (const device of scene.devices) device.cut()
}

async function enter(whole: Whole, { nodes, fans, devices }: CelebrityOptions): Promise<Scene> {
  const homeOf = whole.homes()
  const home = homeOf(CELEBRITY)
  const spare = Array.from({ length: SPARE }, (_, n) => 1 + fans + n)
  const near = spare.filter(user => homeOf(user) === home).slice(0, TALKERS)
  const far = spare.filter(user => homeOf(user) !== home).slice(0, TALKERS)
  const all = Array.from({ length: fans }, (_, n) => 1 + n)
  const own: Client[] = []
  for (let n = 0; n < devices; n++) {
    const { client } = await insist(whole.target(n % nodes), CELEBRITY, `device${n}`)
    // XEP-0280: its devices see what it writes on another one.
    client.send("<iq type='set' id='carbons'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
    own.push(client)
  }
  return {
    whole,
    devices: own,
    fans: await signInAll(whole, nodes, all),
    neighbours: await signInAll(whole, nodes, near),
    strangers: await signInAll(whole, nodes, far),
  }
}

/** Each at the next node, in the order of the list. */
async function signInAll(whole: Whole, nodes: number, users: readonly number[]): Promise<Talker[]> {
  const talkers: Talker[] = []
  const queue = users.entries()
  const worker = async (): Promise<void> => {
    for (const [n, user] of queue) {
      const target = whole.target(n % nodes)
      const { client } = await insist(target, user)
      talkers[n] = { client, address: addressOf(target, user) }
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  return talkers
}

async function part(name: string, scene: Scene, begin: () => Writing): Promise<void> {
  const { whole, neighbours, strangers } = scene
  const near = talk(neighbours)
  const far = strangers.length > 1 ? talk(strangers) : undefined
  const from = await whole.counts()
  const writing = begin()
  await pause(PHASE_MS)
  const arrived = writing.waits.length
  const to = await whole.counts()
  writing.stop()
  near.stop()
  far?.stop()
  // What is under way arrives.
  await pause(1_000)
  const seconds = (to.at - from.at) / 1_000
  const messages = Math.max(1, to.messages - from.messages)
  console.log(`${name}: ${(arrived / seconds).toFixed(0)} a second, ${told(writing.waits)}
  round trips of others with the same home: ${told(near.waits)}
  with another home: ${told(far?.waits ?? [])}
  per message that went to any client: ${((1e6 * (to.nodes - from.nodes)) / messages).toFixed(0)} us of the nodes, ${((to.writes - from.writes) / messages).toFixed(2)} writes of Cassandra`)
}

/** Sends so many a second. `send` sends one and gives where it is noted when they arrive. */
function paced(rate: number, { send, waits }: { send: () => void; waits: number[] }): Writing {
  const start = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    for (; sent < ((performance.now() - start) * rate) / 1_000; sent++) send()
  }, TICK_MS)
  return { waits, stop: () => clearInterval(timer) }
}

/** Messages to the celebrity, of one after the other of all. */
function toCelebrity(scene: Scene): { send: () => void; waits: number[] } {
  const waits = heardByCelebrity(scene)
  const to = celebrityOf(scene)
  let next = 0
  const send = (): void => {
    const { client } = scene.fans[next++ % scene.fans.length]!
    client.send(message(to, performance.now()))
  }
  return { send, waits }
}

/** Everybody writes again when the celebrity's first device has got the last message. */
function allAtOnce(scene: Scene): Writing {
  const to = celebrityOf(scene)
  let running = true
  const say = (fan: number): void => scene.fans[fan]!.client.send(message(to, `${performance.now()} ${fan}`))
  const waits = heardByCelebrity(scene, fan => {
    if (running) say(fan)
  })
  for (const fan of scene.fans.keys()) say(fan)
  return {
    waits,
    stop() {
      running = false
    },
  }
}

/** How long messages to the celebrity take; `heard` gets the number that one names. */
function heardByCelebrity({ devices, fans }: Scene, heard?: (fan: number) => void): number[] {
  const waits: number[] = []
  for (const { client } of fans) client.onText = () => {}
  for (const device of devices) device.onText = () => {}
  eachBody(devices[0]!, body => {
    const [at, fan] = body.split(' ')
    waits.push(performance.now() - Number(at))
    // One of an earlier part names nobody.
    if (fan !== undefined) heard?.(Number(fan))
  })
  return waits
}

/** Messages of the celebrity, to one after the other of all. */
function fromCelebrity({ devices, fans }: Scene, heard?: () => void): { send: () => void; waits: number[] } {
  const waits: number[] = []
  for (const device of devices) device.onText = () => {}
  for (const { client } of fans)
    eachBody(client, at => {
      waits.push(performance.now() - Number(at))
      heard?.()
    })
  let next = 0
  const send = (): void => devices[0]!.send(message(fans[next++ % fans.length]!.address, performance.now()))
  return { send, waits }
}

function toAllAtOnce(scene: Scene): Writing {
  let running = true
  const { send, waits } = fromCelebrity(scene, () => {
    if (running) send()
  })
  for (let n = 0; n < WINDOW; n++) send()
  return {
    waits,
    stop() {
      running = false
    },
  }
}

function celebrityOf({ whole }: Scene): string {
  return addressOf(whole.target(), CELEBRITY)
}
