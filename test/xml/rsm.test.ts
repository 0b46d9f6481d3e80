import t from 'tap'
import { type Child, xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { pageReport, readPageRequest } from '../../src/xml/rsm.ts'

const request = (...children: Child[]) =>
  readPageRequest(xml('query', { xmlns: 'u' }, xml('set', { xmlns: NS.resultSets }, ...children)))

t.test('XEP-0059 §2: reads what is asked for', async t => {
  t.same(readPageRequest(xml('query', { xmlns: 'u' })), {}, 'everything')
  t.same(request(), {})
  t.same(request(xml('max', {}, ' 10 '), xml('after', {}, 'a b')), { max: 10, after: 'a b' })
  t.same(request(xml('before')), { before: '' }, 'the last page')
  t.same(request(xml('index', {}, '371'), xml('max', {}, '0')), { index: 371, max: 0 })
  for (const max of ['', '-1', '1.5', '1e3', 'ten', '9'.repeat(16)])
    t.equal(request(xml('max', {}, max)), undefined, `no number: "${max}"`)
  t.equal(request(xml('index', {}, 'x')), undefined)
})

t.test('XEP-0059 §2.2: tells what was found', async t => {
  const print = (...given: Parameters<typeof pageReport>) => pageReport(...given).toString()
  t.equal(print({ ends: ['a', 'b'] }), `<set xmlns="${NS.resultSets}"><first>a</first><last>b</last></set>`)
  t.equal(print({ count: 0 }), `<set xmlns="${NS.resultSets}"><count>0</count></set>`)
})
