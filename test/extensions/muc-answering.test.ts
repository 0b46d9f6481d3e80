/** What a room tells after the answer to a request. */
import t from 'tap'
import { answering } from '../../src/extensions/muc/answering.ts'

t.test('it is told after the answer', async t => {
  const order: string[] = []
  const { after } = await answering(answered => {
    const told = answered.then(() => void order.push('told'))
    return () => told
  })
  order.push('answered')
  await after?.()
  t.same(order, ['answered', 'told'])
})

t.test('also where the request fails after all: nothing waits for ever', async t => {
  let told: Promise<void> | undefined
  const failing = answering(answered => {
    told = answered
    throw new Error('no')
  })
  await t.rejects(failing, /no/)
  await told
})
