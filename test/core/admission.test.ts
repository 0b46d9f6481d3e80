import t from 'tap'
import { Admission } from '../../src/core/admission.ts'

t.test('places are limited in all and by address, and come back', async t => {
  const admission = new Admission<number>({ total: 3, perAddress: 2 })
  t.ok(admission.admit(1, '192.0.2.1'))
  t.ok(admission.admit(2, '192.0.2.1'))
  t.notOk(admission.admit(3, '192.0.2.1'), 'the third of one address')
  t.ok(admission.admit(4, '192.0.2.2'))
  t.notOk(admission.admit(5, '192.0.2.3'), 'the fourth of all')
  admission.release(1)
  admission.release(1)
  admission.release(99)
  t.equal(admission.total, 2)
  t.ok(admission.admit(6, '192.0.2.1'))
  t.notOk(admission.admit(7, '192.0.2.4'))
})

t.test(
  'an IPv6 network of one subscriber counts as one, and an IPv4 address is the same in IPv6',
  async t => {
    const admission = new Admission<number>({ total: 100, perAddress: 1 })
    t.ok(admission.admit(1, '2001:db8:1:2:3::4'))
    t.notOk(admission.admit(2, '2001:db8:1:2:ffff::1'))
    t.ok(admission.admit(3, '2001:db8:1:3::1'))
    t.ok(admission.admit(4, '::ffff:192.0.2.1'))
    t.notOk(admission.admit(5, '192.0.2.1'))
    t.ok(admission.admit(6, 'fe80::1%eth0'))
  },
)

t.test('Infinity is no limit', async t => {
  const admission = new Admission<number>({
    total: Number.POSITIVE_INFINITY,
    perAddress: Number.POSITIVE_INFINITY,
  })
  for (let i = 0; i < 1000; i++) if (!admission.admit(i, '192.0.2.1')) t.fail('refused')
  t.equal(admission.total, 1000)
})
