import t, { type Test } from 'tap'
import type { Actor } from '../../src/audit/actor.ts'
import type { PartyAction } from '../../src/datasets/definition.ts'
import { areGranted, isOpenTo, partyCondition, requireParty, type Keys } from '../../src/datasets/parties.ts'
import { readFileSync } from 'node:fs'
import { sql } from '../support/postgres.ts'
import { exampleFile, exampleSchema, load, valid, worldOf } from './fixtures.ts'

const everyRole = ['owner', 'broker', 'charterer', 'seller', 'buyer', 'admin']

function member(name: string): Actor {
  return { type: 'user', id: 'x', name, role: 'member', email: `${name}@example.com` }
}

/** Two rooms; in the first each role is taken by somebody of that name, Quinn has two hats, in the second only Bob is. */
async function rooms(t: Test) {
  const { url, source, catalog } = await worldOf(t, exampleSchema('deal-rooms'))
  const dataset = valid(load(readFileSync(exampleFile('deal-rooms'), 'utf8'), catalog))
  await sql(
    url,
    `INSERT INTO deal_rooms.rooms (id, title, location, cargo, quantity_tonnes, laycan, created_by)
       SELECT id, id, '', '', 1, 'empty', '' FROM unnest('{one,two,empty,o''hara}'::text[]) AS id;
     INSERT INTO deal_rooms.parties (room_id, email, name, role)
       SELECT 'one', role || '@example.com', '', role::deal_rooms.party_role FROM unnest('{${everyRole.join(',')}}'::text[]) AS role;
     INSERT INTO deal_rooms.parties (room_id, email, name, role)
       VALUES ('two', 'owner@example.com', '', 'seller'), ('o''hara', 'o''hara@example.com', '', 'owner')`,
  )
  const app = { datasets: { source: () => source } }
  const attempt = (actor: Actor, keys: Keys, action: PartyAction) =>
    requireParty(app, actor, dataset, keys, action).then(
      () => 'granted',
      ({ code }: { code: string }) => code,
    )
  const listed = async (actor: Actor, action: PartyAction) => {
    const condition = partyCondition(actor, dataset, action) ?? 'true'
    const rows = await sql(url, `SELECT id FROM deal_rooms.rooms AS t0 WHERE ${condition} ORDER BY id`)
    return rows.map(({ id }) => id)
  }
  return { url, app, dataset, attempt, listed }
}

t.test('the roles of a room may what its dataset says, and nobody else anything', async (t) => {
  const { attempt } = await rooms(t)
  const may: Record<PartyAction, string[]> = {
    list: everyRole,
    view: everyRole,
    download: everyRole,
    create: ['owner', 'broker', 'charterer', 'admin'],
    delete: ['admin'],
  }
  for (const [action, roles] of Object.entries(may) as [PartyAction, string[]][]) {
    for (const role of everyRole) {
      const expected = roles.includes(role) ? 'granted' : 'FORBIDDEN'
      t.equal(await attempt(member(role), [['one']], action), expected, `${role} to ${action}`)
    }
    t.equal(await attempt(member('stranger'), [['one']], action), 'NOT_A_PARTY')
    t.equal(await attempt({ ...member('owner'), role: 'operator' }, null, action), 'granted', 'members only')
  }
})

t.test('every record counts, and the role in that one', async (t) => {
  const { attempt } = await rooms(t)
  const owner = member('owner')
  t.equal(await attempt(owner, [['one']], 'create'), 'granted')
  t.equal(await attempt(owner, [['two']], 'create'), 'FORBIDDEN', 'a seller there')
  t.equal(await attempt(owner, [['one'], ['two']], 'create'), 'FORBIDDEN')
  t.equal(await attempt(owner, [['one'], ['two']], 'view'), 'granted')
  t.equal(await attempt(owner, [['one'], ['empty']], 'view'), 'NOT_A_PARTY')
  t.equal(await attempt(owner, [['nowhere']], 'view'), 'NOT_A_PARTY', 'as if it were not there')
  t.equal(await attempt(owner, [], 'view'), 'FORBIDDEN')
  t.equal(await attempt(owner, null, 'view'), 'FORBIDDEN', 'a month, a period or everything')
})

t.test('people are known by their address, in any case; tokens by nothing', async (t) => {
  const { attempt, url } = await rooms(t)
  await sql(
    url,
    "ALTER TABLE deal_rooms.parties DROP CONSTRAINT parties_email_check; UPDATE deal_rooms.parties SET email = 'Buyer@Example.COM' WHERE role = 'buyer'",
  )
  t.equal(await attempt(member('buyer'), [['one']], 'view'), 'granted')
  const { email: _, ...token } = { ...member('owner'), type: 'token' as const }
  t.equal(await attempt(token, [['one']], 'view'), 'NOT_A_PARTY')
  t.equal(await attempt(member("o'hara"), [["o'hara"]], 'view'), 'granted')
  t.equal(await attempt(member("x' OR true --"), [['one']], 'view'), 'NOT_A_PARTY')
})

t.test('lists are narrowed to what somebody may see', async (t) => {
  const { app, dataset, listed } = await rooms(t)
  t.same(await listed(member('owner'), 'list'), ['one', 'two'])
  t.same(await listed(member('owner'), 'create'), ['one'])
  t.same(await listed(member('buyer'), 'delete'), [])
  t.same(await listed(member("o'hara"), 'list'), ["o'hara"])
  t.same(await listed(member("x' OR true --"), 'list'), [])
  t.same(await listed({ ...member('owner'), role: 'viewer' }, 'list'), ['empty', "o'hara", 'one', 'two'])
  const things: Keys[] = [[['one']], null, [['one'], ['empty']], [], [['two'], ['one']]]
  t.same(await areGranted(app, member('owner'), dataset, things, 'view'), [true, false, false, false, true])
  t.same(
    await areGranted(app, { ...member('owner'), role: 'viewer' }, dataset, things, 'view'),
    things.map(() => true),
  )
})

t.test('a dataset without parties is closed to members', async (t) => {
  const { app, dataset, url } = await rooms(t)
  const closed = { ...dataset, parties: null }
  const owner = member('owner')
  await t.rejects(requireParty(app, owner, closed, [['one']], 'view'), { code: 'FORBIDDEN' })
  t.same(await areGranted(app, owner, closed, [[['one']]], 'view'), [false])
  t.same(
    await sql(url, `SELECT id FROM deal_rooms.rooms AS t0 WHERE ${partyCondition(owner, closed, 'list')}`),
    [],
  )
  t.notOk(isOpenTo(owner, closed))
  t.ok(isOpenTo(owner, dataset))
  t.ok(isOpenTo({ ...owner, role: 'viewer' }, closed))
})

const deep = `
CREATE SCHEMA a;
CREATE TABLE a.projects (region text, number int, owner text, PRIMARY KEY (region, number));
CREATE TABLE a.teams (id int PRIMARY KEY, region text, number int, FOREIGN KEY (region, number) REFERENCES a.projects);
CREATE TABLE a.people (team int REFERENCES a.teams, mail text, part text, PRIMARY KEY (team, mail));
INSERT INTO a.projects VALUES ('n', 1, 'Ann@example.com'), ('1', 2, 'bob@example.com'), ('n', 2, NULL);
INSERT INTO a.teams VALUES (7, 'n', 1), (8, 'n', 1), (9, 'n', 2);
INSERT INTO a.people VALUES (7, 'cy@example.com', 'guest'), (8, 'cy@example.com', 'lead'), (9, 'cy@example.com', 'guest')`

const declaration = (parties: string) => `
dataset: projects
records:
  table: a.projects
  children:
    - { table: a.teams, as: teams, children: [{ table: a.people, as: people }] }
parties: ${parties}
`

t.test(
  'people may stand in the record itself, or several tables below; keys may have several columns',
  async (t) => {
    const { url, source, catalog } = await worldOf(t, deep)
    const app = { datasets: { source: () => source } }
    const below = valid(
      load(
        declaration(
          '{ table: teams.people, email: mail, role: part, permissions: { view: [lead], list: [guest] } }',
        ),
        catalog,
      ),
    )
    const cy = member('cy')
    await t.resolves(requireParty(app, cy, below, [['n', 1]], 'view'), 'one of two roles is enough')
    await t.rejects(requireParty(app, cy, below, [['n', 2]], 'view'), { code: 'FORBIDDEN' })
    await t.rejects(requireParty(app, cy, below, [['1', 2]], 'view'), { code: 'NOT_A_PARTY' })
    const listed = (dataset: typeof below, actor: Actor) =>
      sql(
        url,
        `SELECT number FROM a.projects AS t0 WHERE ${partyCondition(actor, dataset, 'list')} ORDER BY number`,
      )
    t.same(await listed(below, cy), [{ number: 1 }, { number: 2 }])

    const own = valid(
      load(
        declaration('{ table: records, email: owner, role: region, permissions: { view: [n], list: [n] } }'),
        catalog,
      ),
    )
    await t.resolves(requireParty(app, member('ann'), own, [['n', 1]], 'view'))
    await t.rejects(requireParty(app, member('bob'), own, [['1', 2]], 'view'), { code: 'FORBIDDEN' })
    t.same(await listed(own, member('ann')), [{ number: 1 }])
    t.same(await listed(own, member('bob')), [])
  },
)
