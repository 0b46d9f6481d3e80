/** Who may do what to whom in a room, against the tables of XEP-0045 §5 as they are written there. */
import fc from 'fast-check'
import t from 'tap'
import {
  type Affiliation,
  initialRole,
  isAtLeast,
  mayAffiliate,
  mayGiveRole,
  type Role,
  roleAfter,
} from '../../src/extensions/muc/privileges.ts'

const AFFILIATIONS = ['outcast', 'none', 'member', 'admin', 'owner'] as const
const ROLES = ['none', 'visitor', 'participant', 'moderator'] as const
const affiliation = fc.constantFrom(...AFFILIATIONS)
const role = fc.constantFrom(...ROLES)
/** Who is in a room; outcasts are not. */
const standing = fc.record({
  affiliation: fc.constantFrom('none', 'member', 'admin', 'owner'),
  role: fc.constantFrom('visitor', 'participant', 'moderator'),
}) as fc.Arbitrary<{ affiliation: Affiliation; role: Role }>

/** Rows and columns of a table, by the names in its first line and its first column. */
function table(text: string): (row: string, column: string) => string {
  const [head = [], ...rows] = text
    .trim()
    .split('\n')
    .map(line => line.split('|').map(cell => cell.trim()))
  return (row, column) => {
    const cell = rows.find(([name]) => name === row)?.[head.indexOf(column)]
    if (cell === undefined) throw new Error(`no cell ${row}, ${column}`)
    return cell
  }
}

// XEP-0045 §5.1.2, "Initial Role Based on Affiliation"
const INITIAL = table(`
              | none        | member      | admin     | owner
 Moderated    | Visitor     | Participant | Moderator | Moderator
 Unmoderated  | Participant | Participant | Moderator | Moderator
 Members-Only | N/A         | Participant | Moderator | Moderator
 Open         | Participant | Participant | Moderator | Moderator
`)

// XEP-0045 §5.1.3, "Role State Chart"
const ROLE_CHANGES = table(`
             | none                       | visitor                            | participant                                                        | moderator
 visitor     | kicked by a moderator      | --                                 | Moderator grants voice                                             | Admin or owner grants moderator status
 participant | kicked by a moderator      | Moderator revokes voice            | --                                                                 | Admin or owner grants moderator status
 moderator   | kicked by an Admin or owner | Admin or owner changes to visitor | Admin or owner changes to participant or revokes moderator status  | --
`)

// XEP-0045 §5.2.2, "Affiliation State Chart"
const AFFILIATION_CHANGES = table(`
         | outcast                     | none                                       | member                                       | admin                          | owner
 outcast | --                          | Admin or owner removes ban                 | Admin or owner adds user to member list      | Owner adds user to admin list  | Owner adds user to owner list
 none    | Admin or owner applies ban  | --                                         | Admin or owner adds user to member list      | Owner adds user to admin list  | Owner adds user to owner list
 member  | Admin or owner applies ban  | Admin or owner changes affiliation         | --                                           | Owner adds user to admin list  | Owner adds user to owner list
 admin   | Owner applies ban           | Owner changes affiliation                  | Owner changes affiliation                    | --                             | Owner adds user to owner list
 owner   | Owner applies ban           | Owner changes affiliation                  | Owner changes affiliation                    | Owner changes affiliation      | --
`)

// XEP-0045 §5.2.1, "Privileges Associated With Affiliations": those that change somebody.
const AFFILIATION_RIGHTS = table(`
                                   | outcast | none | member | admin | owner
 Ban Members and Unaffiliated Users | No      | No   | No     | Yes   | Yes
 Edit Member List                   | No      | No   | No     | Yes   | Yes
 Assign and Remove Moderator Role   | No      | No   | No     | Yes   | Yes
 Edit Admin List                    | No      | No   | No     | No    | Yes
 Edit Owner List                    | No      | No   | No     | No    | Yes
`)

// XEP-0045 §5.1.1, "Privileges Associated With Roles": those that change somebody.
const ROLE_RIGHTS = table(`
                               | none | visitor | participant | moderator
 Kick Participants and Visitors | No   | No      | No          | Yes
 Grant Voice                    | No   | No      | No          | Yes
 Revoke Voice                   | No   | No      | No          | Yes
`)

t.test('XEP-0045 §5.1.2: the role that one enters with', async t => {
  for (const who of AFFILIATIONS.filter(who => who !== 'outcast'))
    for (const [room, moderated] of [
      ['Moderated', true],
      ['Unmoderated', false],
      ['Open', false],
      ['Members-Only', false],
    ] as const) {
      const wanted = INITIAL(room, who)
      if (wanted !== 'N/A') t.equal(initialRole(who, moderated), wanted.toLowerCase(), `${room}, ${who}`)
    }
  t.equal(initialRole('outcast', false), 'none', 'outcasts do not enter')
})

t.test('XEP-0045 §5.2.2: who changes which affiliation into which', async () => {
  fc.assert(
    fc.property(affiliation, affiliation, affiliation, (actor, before, after) => {
      const cell = AFFILIATION_CHANGES(before, after)
      if (cell === '--') return
      const wanted = cell.startsWith('Admin or owner') ? ['admin', 'owner'] : ['owner']
      return (mayAffiliate(actor, before, after) === 'allowed') === wanted.includes(actor)
    }),
    { numRuns: 2_000 },
  )
})

t.test('XEP-0045 §5.2.1: what an affiliation gives the right to', async t => {
  for (const who of AFFILIATIONS) {
    const allows = (before: Affiliation, after: Affiliation): string =>
      mayAffiliate(who, before, after) === 'allowed' ? 'Yes' : 'No'
    for (const before of ['member', 'none'] as const)
      t.equal(allows(before, 'outcast'), AFFILIATION_RIGHTS('Ban Members and Unaffiliated Users', who))
    t.equal(allows('none', 'member'), AFFILIATION_RIGHTS('Edit Member List', who))
    t.equal(allows('member', 'none'), AFFILIATION_RIGHTS('Edit Member List', who))
    for (const other of ['none', 'member'] as const) {
      t.equal(allows(other, 'admin'), AFFILIATION_RIGHTS('Edit Admin List', who))
      t.equal(allows('admin', other), AFFILIATION_RIGHTS('Edit Admin List', who))
      t.equal(allows(other, 'owner'), AFFILIATION_RIGHTS('Edit Owner List', who))
      t.equal(allows('owner', other), AFFILIATION_RIGHTS('Edit Owner List', who))
    }
    if (who === 'outcast') continue
    const actor = { affiliation: who, role: initialRole(who, false) }
    const occupant = { affiliation: 'none', role: 'participant' } as const
    const allowed = mayGiveRole(actor, occupant, 'moderator') === 'allowed' ? 'Yes' : 'No'
    t.equal(allowed, AFFILIATION_RIGHTS('Assign and Remove Moderator Role', who))
  }
})

t.test('XEP-0045 §5.1.1: what a role gives the right to', async t => {
  for (const who of ROLES) {
    const allows = (whom: Role, role: Role): string => {
      const verdict = mayGiveRole(
        { affiliation: 'none', role: who },
        { affiliation: 'none', role: whom },
        role,
      )
      return verdict === 'allowed' ? 'Yes' : 'No'
    }
    t.equal(allows('participant', 'none'), ROLE_RIGHTS('Kick Participants and Visitors', who))
    t.equal(allows('visitor', 'none'), ROLE_RIGHTS('Kick Participants and Visitors', who))
    t.equal(allows('visitor', 'participant'), ROLE_RIGHTS('Grant Voice', who))
    t.equal(allows('participant', 'visitor'), ROLE_RIGHTS('Revoke Voice', who))
  }
})

t.test('XEP-0045 §5.1.3: who changes which role into which', async t => {
  const needed = (actor: { affiliation: Affiliation; role: Role }, cell: string): boolean =>
    /moderator/i.test(cell) && !/Admin or owner/.test(cell)
      ? actor.role === 'moderator' || isAtLeast(actor.affiliation, 'admin')
      : isAtLeast(actor.affiliation, 'admin')
  await t.test('nobody does more than the table says', async () => {
    fc.assert(
      fc.property(standing, standing, role, (actor, whom, wanted) => {
        const cell = ROLE_CHANGES(whom.role, wanted)
        fc.pre(cell !== '--')
        return mayGiveRole(actor, whom, wanted) !== 'allowed' || needed(actor, cell)
      }),
      { numRuns: 2_000 },
    )
  })
  await t.test('and everybody does what it says, to those who stand lower', async () => {
    fc.assert(
      fc.property(standing, standing, role, (actor, whom, wanted) => {
        const cell = ROLE_CHANGES(whom.role, wanted)
        fc.pre(cell !== '--' && needed(actor, cell))
        fc.pre(!isAtLeast(whom.affiliation, 'member') || !isAtLeast(whom.affiliation, actor.affiliation))
        fc.pre(isAtLeast(actor.affiliation, whom.affiliation))
        fc.pre(wanted === 'none' || !isAtLeast(whom.affiliation, 'admin'))
        return mayGiveRole(actor, whom, wanted) === 'allowed'
      }),
      { numRuns: 2_000 },
    )
  })
})

t.test('XEP-0045 §8.2, XEP-0045 §8.4, XEP-0045 §9.7: to whom it is not done', async () => {
  fc.assert(
    fc.property(standing, standing, role, (actor, whom, wanted) => {
      const verdict = mayGiveRole(actor, whom, wanted)
      // "A user cannot be kicked by a moderator with a lower affiliation."
      if (wanted === 'none' && !isAtLeast(actor.affiliation, whom.affiliation) && verdict === 'allowed')
        return false
      const isHigh = isAtLeast(whom.affiliation, 'admin')
      // "a service MUST NOT allow the voice privileges of an admin or owner to be removed by anyone"
      if (isHigh && whom.role !== 'visitor' && wanted === 'visitor') return verdict !== 'allowed'
      // "an admin MUST NOT be allowed to revoke moderator status from a user whose affiliation is "owner" or "admin""
      if (isHigh && whom.role === 'moderator' && wanted === 'participant') return verdict !== 'allowed'
      return true
    }),
    { numRuns: 2_000 },
  )
})

t.test(
  'what is refused is forbidden to those without the right, and not allowed to those who have it',
  async () => {
    fc.assert(
      fc.property(standing, standing, role, (actor, whom, wanted) => {
        const mayAny = actor.role === 'moderator' || isAtLeast(actor.affiliation, 'admin')
        return mayAny || mayGiveRole(actor, whom, wanted) === 'forbidden'
      }),
    )
    fc.assert(
      fc.property(affiliation, affiliation, affiliation, (actor, before, after) => {
        const verdict = mayAffiliate(actor, before, after)
        return isAtLeast(actor, 'admin') || verdict === 'forbidden'
      }),
    )
  },
)

t.test('XEP-0045 §5.1.3, Note: the role after a change of affiliation', async () => {
  fc.assert(
    fc.property(standing, affiliation, fc.boolean(), ({ affiliation: before, role }, after, moderated) => {
      const now = roleAfter(role, before, after, moderated)
      if (after === 'outcast') return now === 'none'
      // "an admin or owner is automatically a moderator"
      if (isAtLeast(after, 'admin')) return now === 'moderator'
      // "when an occupant is granted an affiliation of member in a moderated room, the occupant automatically has a role of participant"
      if (after === 'member' && now === 'visitor') return false
      // What he was by being an admin or owner he is no more.
      if (isAtLeast(before, 'admin')) return now === initialRole(after, moderated)
      // Nothing else is lost.
      return ROLES.indexOf(now) >= ROLES.indexOf(role)
    }),
    { numRuns: 2_000 },
  )
})
