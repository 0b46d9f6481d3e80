/**
 * docs/protocol/prekeys.md end to end: real libsignal clients find each other by keys of this server and write to each other and in a group. What they write is in no
 * file of the server, in no line of its log and nowhere in its memory.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { watch, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseElement } from '../../src/xml/stored.ts'
import { memoryHolds } from '../support/process-memory.ts'
import type { RawClient } from '../support/raw-client.ts'
import { signedIn } from '../support/signed-in.ts'
import { configured, serve, tidings } from '../support/tidings.ts'
import { type Sealed, SignalDevice } from './signal-device.ts'

const MEMBERS = Array.from({ length: 20 }, (_, i) => `member${i}`)
const GROUP = '8f14e45f-ceea-467f-a9d4-21d7a4c7d3b1'
const NS = 'tidings:test:signal'
/** In every sentence that is written in secret. */
const MARK = 'nobody but its reader knows'
/** Keys of each kind that a device uploads. */
const KEYS = 25
/** Is written without encryption: it has to be found where the others must not be. */
const OPEN = 'the brown bear crossed an open square at noon'

let number = 0

function secret(about: string): string {
  return `sentence ${++number} about ${about}, which ${MARK}, and so it stays`
}

t.setTimeout(240_000)
t.test('two people, one of them away; a group of twenty; what the server knows', async t => {
  const listener = { address: '127.0.0.1', port: 0, tls: 'offered' }
  const { config, data, folder } = await configured(t, {
    extensions: { prekeys: {} },
    listeners: { xmpp: listener, 'xmpp-tls': { address: '127.0.0.1', port: 0 }, http: false, metrics: false },
    log: { level: 'debug' },
  })
  const users = ['alice', 'bob', ...MEMBERS]
  const csv = join(folder, 'accounts.csv')
  await writeFile(csv, users.map(user => `${user}@localhost,secret\n`).join(''))
  t.match(await tidings(['user', 'import', csv, '--shared-salt', '--config', config]), { code: 0 })
  const server = await serve(t, config, {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}` },
  })
  const connect = (device: SignalDevice): Promise<SignalClient> =>
    SignalClient.connect(t, server.port, device)
  const newcomer = async (user: string): Promise<SignalClient> => {
    const client = await connect(new SignalDevice(user))
    await client.upload()
    return client
  }
  const alice = await newcomer('alice')

  await t.test('one begins while the other one is away', async t => {
    const away = await newcomer('bob')
    const { device } = away
    await away.leave()
    const sent = ['a walk', 'the weather', 'old friends'].map(secret)
    for (const sentence of sent) t.ok((await alice.write('bob', sentence)).first, 'PQXDH, until bob answers')
    alice.socket.send(`<message to="bob@localhost" type="chat"><body>${OPEN}</body></message>`)
    const bob = await connect(device)
    for (const sentence of sent) t.equal(await bob.read('alice'), sentence)
    t.equal(device.keys.oneTime.size, KEYS - 1, 'a key that was used once is gone')
    t.equal(device.keys.kyber.size, KEYS, 'of Kyber as well; that of last resort is still there')

    // From now on the Double Ratchet turns with each answer.
    for (let round = 0; round < 10; round++) {
      const [question, answer] = [secret('a question'), secret('an answer')]
      t.equal((await bob.write('alice', question)).first, false)
      t.equal(await alice.read('bob'), question)
      t.equal((await alice.write('bob', answer)).first, false)
      t.equal(await bob.read('alice'), answer)
    }
    const late = Array.from({ length: 5 }, (_, i) => secret(`parcel ${i}`))
    for (const sentence of late) await alice.write('bob', sentence)
    const sealed: Sealed[] = []
    for (const _ of late) sealed.push(await bob.receive('alice'))
    const read: string[] = []
    for (const one of sealed.toReversed()) read.push((await device.open('alice', one)).toString())
    t.same(read, late.toReversed(), 'in any order')
    await t.rejects(device.open('alice', sealed[0]!), 'each once')
  })

  await t.test('a group by sender keys', async t => {
    const members: SignalClient[] = []
    for (const user of MEMBERS) members.push(await newcomer(user))
    let begun = 0
    for (const member of members) {
      const { device } = member
      const key = await device.senderKey(GROUP)
      const others = members.filter(other => other !== member)
      for (const { device: other } of others) {
        begun += Number(!(await device.knows(other.user)))
        await member.write(other.user, key)
      }
      for (const other of others)
        await other.device.takeSenderKey(
          device.user,
          await other.device.open(device.user, await other.receive(device.user)),
        )
    }
    t.equal(begun, (20 * 19) / 2, 'a session for each two')
    let read = 0
    for (const member of members) {
      const { user } = member.device
      const others = members.filter(other => other !== member)
      const sentence = secret(`the plans of ${user}`)
      const base64 = await member.device.sealForGroup(GROUP, sentence)
      for (const other of others) member.hand(other.device.user, { first: false, base64 })
      for (const other of others) {
        const { base64: received } = await other.receive(user)
        if ((await other.device.openFromGroup(user, received)) === sentence) read++
      }
    }
    t.equal(read, 20 * 19, 'all read all')
  })

  await t.test('the server has none of it', async t => {
    const pid = server.child.pid!
    const forms = formsOf(MARK)
    const open = formsOf(OPEN)
    const holds = (bytes: Buffer): boolean => forms.some(form => bytes.includes(form))
    t.ok(holds(Buffer.from(secret('this'))), 'a sentence would be found')
    t.ok(holds(Buffer.from(Buffer.from(secret('that')).toString('base64'))), 'in Base64 as well')

    const memory = memoryHolds(pid, [...forms, ...open])
    if (memory === undefined)
      t.comment('not applicable: what a process has in its memory can be read on Linux')
    else {
      t.ok(memory.held.has(open[0]!), 'what was written without encryption is in the memory of the server')
      t.notOk(
        forms.some(form => memory.held.has(form)),
        'what was encrypted is not',
      )
    }
    const snapshot = await heapSnapshot(pid, folder, alice)
    t.match(snapshot.subarray(-2).toString(), '}', 'a whole snapshot')
    t.ok(snapshot.includes('member7@localhost'), 'of its heap')
    t.notOk(holds(snapshot), 'has none of it')
    server.child.kill('SIGTERM')
    const { out, err } = await server.ended
    t.match(out + err, /member7/, 'its log')
    t.notOk(holds(Buffer.from(out + err)), 'has none of it')
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter(one => one.isFile())
    const stored = Buffer.concat(files.map(one => readFileSync(join(one.parentPath, one.name))))
    t.ok(stored.includes(OPEN), 'what was written without encryption is in its files')
    t.notOk(holds(stored), 'what was encrypted is not')
    t.comment(
      `${number} sentences; memory ${memory?.bytes}, snapshot ${snapshot.length}, log ${out.length + err.length}, files ${stored.length} bytes`,
    )
  })
})

/** How a text may lie somewhere: as UTF-8 and UTF-16, in hexadecimal, and in Base64 wherever it begins. */
function formsOf(text: string): Buffer[] {
  const base64 = [0, 1, 2].map(shift => {
    const whole = Buffer.from(`${' '.repeat(shift)}${text}`).toString('base64')
    // Without the ends, which depend on what is beside it.
    return Buffer.from(whole.slice(4, -4))
  })
  return [
    Buffer.from(text),
    Buffer.from(text, 'utf16le'),
    Buffer.from(Buffer.from(text).toString('hex')),
    ...base64,
  ]
}

/** The process writes it in one go and answers nobody meanwhile. */
async function heapSnapshot(pid: number, folder: string, client: SignalClient): Promise<Buffer> {
  const changes = watch(folder)
  process.kill(pid, 'SIGUSR2')
  for await (const { filename } of changes) {
    if (!filename?.endsWith('.heapsnapshot')) continue
    await client.ping()
    return readFileSync(join(folder, filename))
  }
  throw new Error('there is no snapshot')
}

/** One device and its connection. */
class SignalClient {
  readonly socket: RawClient
  readonly device: SignalDevice
  #requests = 0

  private constructor(socket: RawClient, device: SignalDevice) {
    this.socket = socket
    this.device = device
  }

  static async connect(t: Test, port: number, device: SignalDevice): Promise<SignalClient> {
    return new SignalClient(await signedIn(t, port, device.user, 'secret'), device)
  }

  async upload(): Promise<void> {
    const { keys } = this.device
    await this.#ask('', keys.publish(...keys.first(1, 1), ...keys.keys(2, KEYS + 1)).toString())
  }

  async ping(): Promise<void> {
    await this.#ask('localhost', '<ping xmlns="urn:xmpp:ping"/>', 'get')
  }

  async leave(): Promise<void> {
    this.socket.send('</stream:stream>')
    await this.socket.end()
  }

  /** Encrypts for somebody, with keys that are claimed where there is no session yet. */
  async write(user: string, plain: string | Uint8Array): Promise<Sealed> {
    if (!(await this.device.knows(user))) {
      const answer = await this.#ask(`${user}@localhost`, '<claim xmlns="tidings:prekeys:0"/>')
      await this.device.begin(user, parseElement(answer).getChild('claim')!.getChild('device')!)
    }
    const sealed = await this.device.seal(user, Buffer.from(plain))
    this.hand(user, sealed)
    return sealed
  }

  /** Sends what is encrypted already. */
  hand(user: string, { first, base64 }: Sealed): void {
    this.socket.send(
      `<message to="${user}@localhost" type="chat"><sealed xmlns="${NS}" first="${first}">${base64}</sealed><store xmlns="urn:xmpp:hints"/></message>`,
    )
  }

  /** What comes next from somebody. */
  async receive(user: string): Promise<Sealed> {
    const [, first, base64] = await this.socket.expect(
      new RegExp(
        `<message [^>]*from="${user}@localhost/r"[^>]*><sealed [^>]*first="(true|false)"[^>]*>([^<]*)<`,
      ),
    )
    return { first: first === 'true', base64: base64! }
  }

  async read(user: string): Promise<string> {
    return (await this.device.open(user, await this.receive(user))).toString()
  }

  async #ask(to: string, payload: string, type = 'set'): Promise<string> {
    const id = `s${++this.#requests}`
    this.socket.send(`<iq type="${type}" id="${id}"${to && ` to="${to}"`}>${payload}</iq>`)
    const [answer] = await this.socket.expect(new RegExp(`<iq [^>]*id="${id}"(?:[^>]*/>|.*?</iq>)`, 's'))
    if (!answer.includes('type="result"')) throw new Error(answer)
    return answer
  }
}
