/** extensions.archive.keep: until-delivered (docs/decisions/0016), rule by rule. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { type Archive, StorageError } from '../../src/storage/types.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { core } from '../support/core.ts'
import { ALICE, BOB, Client, idOf, serverOf } from '../support/until-delivered.ts'

const [MINUTE, DAY] = [60_000, 86_400_000]

/** Alice with a client, and bob with a phone and a laptop, which have all come. */
async function people(options?: Parameters<typeof serverOf>[0]) {
  const server = serverOf(options)
  const alice = new Client(server, '1', true, ALICE)
  const phone = new Client(server, 'phone', true)
  const laptop = new Client(server, 'laptop', true)
  for (const client of [alice, phone, laptop]) await client.signIn()
  return { server, alice, phone, laptop }
}

t.test('a message goes when the last device has it, on both sides, each for itself', async t => {
  const { server, alice, phone, laptop } = await people()
  await alice.write('one', 'bob@localhost')
  phone.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), ['one'], 'the laptop has not said that it has it')
  t.strictSame(await server.archived(ALICE), [], 'her only device has written it')
  laptop.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), [])
})

t.test('copies count, of what others get and of what others write', async t => {
  const { server, alice, phone, laptop } = await people()
  await alice.write('for the phone', 'bob@localhost/phone')
  await phone.write('from the phone')
  phone.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), ['for the phone', 'from the phone'])
  laptop.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), [])
})

t.test('no hole comes about: what is newer waits for what is older', async t => {
  const { server, alice, phone, laptop } = await people()
  await laptop.leave()
  await alice.write('one', 'bob@localhost')
  await laptop.signIn()
  await alice.write('two', 'bob@localhost')
  laptop.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), ['one', 'two'])
  phone.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), [])
})

t.test('a device that does not return is waited for as long as is configured', async t => {
  const { server, alice, phone, laptop } = await people()
  await alice.write('zero', 'bob@localhost')
  await laptop.leave()
  await server.pass(9 * DAY)
  await alice.write('one', 'bob@localhost')
  phone.acknowledge()
  await server.pass(DAY - MINUTE)
  t.strictSame(await server.archived(BOB), ['one'])
  await server.pass(2 * DAY)
  t.strictSame(await server.archived(BOB), [])
  await laptop.signIn().then(
    () => t.fail('nobody tells it of the gap'),
    error => t.match(error.message, 'was refused', 'XEP-0313 §4.3.2: its place is not in the archive'),
  )
})

t.test('a device that has been here all the time is not forgotten when the server dies', async t => {
  const clock = new ManualClock()
  const storage = memoryStorage({ clock })
  const first = await people({ storage, clock })
  for (let hours = 0; hours < 15 * 24; hours += 12) await first.server.pass(DAY / 2)
  const server = serverOf({ storage, clock })
  const alice = new Client(server, '1', true, ALICE)
  const phone = new Client(server, 'phone', true)
  await alice.signIn()
  await phone.signIn()
  await alice.write('one', 'bob@localhost')
  phone.acknowledge()
  await server.pass(DAY)
  t.strictSame(await server.archived(BOB), ['one'], 'the laptop was here a day ago')
})

t.test('nobody comes: in the end it goes all the same', async t => {
  const { server, alice, phone, laptop } = await people()
  for (const client of [phone, laptop]) await client.leave()
  await alice.write('one', 'bob@localhost')
  await server.pass(19 * DAY)
  t.strictSame(await server.archived(BOB), ['one'])
  await server.pass(2 * DAY)
  t.strictSame(await server.archived(BOB), [])
})

t.test('what proves nothing erases nothing, and holds nothing up', async t => {
  const server = serverOf()
  const alice = new Client(server, '1', true, ALICE)
  await alice.signIn()
  const plain = await server.session('bob', 'plain')
  await plain.send('presence', {})
  await alice.write('one', 'bob@localhost')
  await server.pass(DAY)
  t.strictSame(await server.archived(BOB), ['one'], 'that it was sent over a connection is no proof')
  await new Client(server, 'phone', true).signIn()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), [])
})

t.test('nothing waits for a new device that was there before it', async t => {
  const { server, alice, phone, laptop } = await people()
  await laptop.leave()
  await alice.write('one', 'bob@localhost')
  phone.acknowledge()
  const tablet = new Client(server, 'tablet', false)
  await tablet.signIn()
  await laptop.signIn()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), [])
  t.notOk(tablet.texts.has('one'), 'nor is it handed that')
  await alice.write('two', 'bob@localhost')
  for (const client of [phone, laptop]) client.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), ['two'], 'but for what comes later it is waited for')
  tablet.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), [])
})

t.test('who calls himself another name each time: a hundred are waited for', async t => {
  const { server, alice, phone, laptop } = await people()
  await alice.write('one', 'bob@localhost')
  await laptop.leave(0)
  for (let i = 0; i < 99; i++) {
    const other = new Client(server, `random${i}`, true)
    await other.signIn()
    await other.leave()
  }
  phone.acknowledge()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), [], 'not for the laptop, which has been away longest')
})

t.test('who wrote a message that is erased learns what becomes of it', async t => {
  const { server, alice, phone, laptop } = await people()
  for (const client of [phone, laptop]) await client.leave()
  await alice.write('one', 'bob@localhost')
  await server.pass(MINUTE)
  t.strictSame(await server.archived(ALICE), [])
  const marks = async () => {
    const changes = await alice.ask('get', xml('changes', { xmlns: NS.status }))
    return changes?.getChildElements().map(({ name }) => name)
  }
  t.strictSame(await marks(), [])
  await phone.signIn()
  await server.pass(1_000)
  t.strictSame(await marks(), ['delivered'])
  const marker = xml('displayed', { xmlns: NS.chatMarkers, id: idOf('one') })
  await phone.send('message', { to: 'alice@localhost', type: 'chat' }, marker)
  await server.pass(1_000)
  t.strictSame((await marks())?.sort(), ['delivered', 'read'])
})

t.test('what could not be erased is erased in the next round', async t => {
  const clock = new ManualClock()
  const storage = memoryStorage({ clock })
  const archive = storage.archive('messages')
  const whole = archive.purge.bind(archive)
  let failing = true
  const purge: Archive['purge'] = (owner, query) =>
    failing ? Promise.reject(new StorageError('unavailable', 'no')) : whole(owner, query)
  storage.archive = () => Object.defineProperty(archive, 'purge', { value: purge })
  const { server, alice, phone, laptop } = await people({ storage, clock })
  await alice.write('one', 'bob@localhost')
  for (const client of [phone, laptop]) await client.leave()
  await server.pass(MINUTE)
  t.strictSame(await server.archived(BOB), ['one'])
  failing = false
  await server.pass(60 * MINUTE)
  t.strictSame(await server.archived(BOB), [])
})

t.test('what makes no sense is refused at the start', async t => {
  for (const archive of [
    { keep: 'until-delivered', 'device-days': 91 },
    { keep: 'until-delivered', 'undelivered-days': 29 },
    { keep: 'until delivered' },
    { keep: '0d' },
  ])
    t.throws(() => core({ extensions, options: { archive } }), {
      code: 'TIDINGS_ARCHIVE_KEEP',
      message: /^localhost: /,
    })
})

t.test('an account that is removed leaves no device behind', async t => {
  const { server, alice, laptop } = await people()
  await alice.write('one', 'bob@localhost')
  const router = server.routers[0]!
  await router.hostOf(BOB).accounts.remove(BOB)
  await router.atHome.forget(BOB)
  laptop.acknowledge()
  await laptop.leave()
  await server.pass(DAY)
  t.strictSame((await server.storage.table('devices', 'lww').page(BOB)).items, [])
})

t.test('what is erased is nowhere on the disk; a server that starts again knows the devices', async t => {
  const folder = t.testdir()
  const clock = new ManualClock()
  const texts = ['first secret', 'second secret']
  const onDisk = (text: string): boolean =>
    readdirSync(folder).some(name => readFileSync(join(folder, name)).includes(text))
  const before = await openSqlite({ folder, clock })
  const first = await people({ storage: before, clock })
  await first.laptop.leave()
  await first.alice.write(texts[0]!, 'bob@localhost')
  first.phone.acknowledge()
  await first.server.pass(MINUTE)
  t.ok(onDisk(texts[0]!))
  await before.close()

  const storage = await openSqlite({ folder, clock })
  t.teardown(() => storage.close())
  const server = serverOf({ storage, clock })
  const alice = new Client(server, '1', true, ALICE)
  const laptop = new Client(server, 'laptop', true)
  await alice.signIn()
  await laptop.signIn()
  t.ok(laptop.texts.has(texts[0]!))
  await alice.write(texts[1]!, 'bob@localhost')
  laptop.acknowledge()
  await server.pass(MINUTE)
  t.notOk(onDisk(texts[0]!), 'both devices have it')
  t.ok(onDisk(texts[1]!), 'the phone has not been here since the start')
  const phone = new Client(server, 'phone', true)
  await phone.signIn()
  await server.pass(MINUTE)
  t.notOk(onDisk(texts[1]!))
})
