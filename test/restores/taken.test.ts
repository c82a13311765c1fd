import t from 'tap'
import type { Declaration } from '../../src/datasets/definition.ts'
import type { Plan } from '../../src/restores/plan.ts'
import { dump, testEngine } from '../support/engine.ts'

const users: Declaration = { dataset: 'users', records: { table: 's.users' } }

const said = ({ blockers }: Plan) => blockers.map(({ code, key, detail }) => [code, key, detail])

/** A table of users, each with columns as given and values by a number. */
const usersSchema = (columns: string, values: string) =>
  `CREATE SCHEMA s; CREATE TABLE s.users (id int PRIMARY KEY, ${columns});
   INSERT INTO s.users SELECT i, ${values} FROM generate_series(1, 5) i`

t.test('a value that a row outside of what is restored has now blocks the plan', async (t) => {
  const engine = await testEngine(t, usersSchema('email text UNIQUE', `'u' || i || '@x'`), users)
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM s.users WHERE id IN (1, 2); UPDATE s.users SET email = 'new@x' WHERE id = 3;
     UPDATE s.users SET email = 'u1@x' WHERE id = 4; UPDATE s.users SET email = 'u3@x' WHERE id = 5`,
  )
  const of = (id: number, holder: number) => [
    'VALUE_TAKEN',
    [id],
    `(email) = (u${id}@x) belongs to the row (id) = (${holder}), which stays as it is, and users_email_key allows no second one. Change or delete that row first, or restore it as well.`,
  ]
  t.same(said(await engine.plan(manifest, { keys: [[1], [2], [3]] })), [of(1, 4), of(3, 5)])
  await t.rejects(engine.apply(manifest, { keys: [[1]] }), { code: 'SOURCE_REJECTED' }, 'it is not idle')
  t.same(said(await engine.plan(manifest, { keys: [[1], [4]] })), [], 'given up by another that is restored')
  t.same(said(await engine.plan(manifest, { mode: 'missing' })), [of(1, 4)], 'and not where it is kept')
  const { plan } = await engine.apply(manifest)
  t.same(plan.blockers, [])
  t.equal((await engine.sql(`SELECT FROM s.users WHERE email = 'u' || id || '@x'`)).length, 5)
})

t.test('so does one of a row that is kept because others point at it', async (t) => {
  const engine = await testEngine(
    t,
    `${usersSchema('email text UNIQUE', `'u' || i || '@x'`)}; CREATE TABLE s.likes (user_id int REFERENCES s.users)`,
    users,
  )
  const manifest = await engine.take()
  const take = `DELETE FROM s.users WHERE id = 1; INSERT INTO s.users VALUES (9, 'u1@x')`
  await engine.sql(take)
  t.same((await engine.plan(manifest)).blockers, [], 'one that goes gives it up')
  await engine.sql(`INSERT INTO s.likes VALUES (9)`)
  t.match(said(await engine.plan(manifest)), [['VALUE_TAKEN', [1], /^\(email\) = \(u1@x\).* \(id\) = \(9\)/]])
})

t.test('nobody takes a value that changes hands within the restore', async (t) => {
  const engine = await testEngine(
    t,
    usersSchema('email text UNIQUE, seat int NOT NULL UNIQUE', `'u' || i || '@x', i`),
    users,
  )
  const before = await dump(engine, 's.users')
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM s.users WHERE id = 1; INSERT INTO s.users VALUES (9, 'u1@x', 1); UPDATE s.users SET seat = seat + 10 WHERE id < 9;
     UPDATE s.users SET seat = 17 - seat, email = 'of ' || id WHERE id < 9; UPDATE s.users SET email = 'u' || 7 - id || '@x' WHERE id < 9`,
  )
  const { hash, blockers } = await engine.plan(manifest)
  t.same(blockers, [])
  t.equal((await engine.apply(manifest)).plan.hash, hash)
  t.same(await dump(engine, 's.users'), before)
})

const rules: [name: string, columns: string, values: string, rule: string, same: string, other: string][] = [
  [
    'an index over an expression',
    'v text',
    `'V' || i`,
    'UNIQUE INDEX k ON s.users (lower(v))',
    `'v1'`,
    `'v 1'`,
  ],
  [
    'an index over some rows',
    'v text, gone boolean',
    `'v' || i, false`,
    'UNIQUE INDEX k ON s.users (v) WHERE NOT gone',
    `'v1', false`,
    `'v1', true`,
  ],
  [
    'an index that holds NULLs equal',
    'v text, w int',
    `nullif('v' || i, 'v1'), i`,
    'UNIQUE INDEX k ON s.users (v) NULLS NOT DISTINCT',
    'NULL, 1',
    `'', 1`,
  ],
  [
    'an index that doesn’t',
    'v text',
    `nullif('v' || i, 'v1')`,
    'UNIQUE INDEX k ON s.users (v)',
    `'v2'`,
    'NULL',
  ],
  [
    'a function that finds others by the application’s search path',
    'v text',
    `'V' || i`,
    `FUNCTION public.outer(v text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(v)';
     CREATE UNIQUE INDEX k ON s.users (public.outer(v));
     CREATE FUNCTION public.inner(v text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(v)';
     CREATE OR REPLACE FUNCTION public.outer(v text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN "inner"(v); END'`,
    `'v1'`,
    `'v 1'`,
  ],
  [
    'a collation that ignores case',
    'v text',
    `'V' || i`,
    `COLLATION s.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     CREATE UNIQUE INDEX k ON s.users (v COLLATE s.ci)`,
    `'v1'`,
    `'v 1'`,
  ],
  [
    'a type with an equality of its own',
    'v public.citext',
    `('V' || i)::public.citext`,
    'UNIQUE INDEX k ON s.users (v)',
    `'v1'`,
    `'v 1'`,
  ],
]

for (const [name, columns, values, rule, same, other] of rules) {
  t.test(`taken by ${name}`, async (t) => {
    const schema = `CREATE EXTENSION citext SCHEMA public; ${usersSchema(columns, values)}; CREATE ${rule}`
    const engine = await testEngine(t, schema, users)
    const manifest = await engine.take()
    await engine.sql(`DELETE FROM s.users WHERE id < 3; INSERT INTO s.users VALUES (9, ${same})`)
    const { blockers } = await engine.plan(manifest, { mode: 'merge' })
    t.match(blockers, [{ code: 'VALUE_TAKEN', detail: /the row \(id\) = \(9\), which stays/ }])
    t.equal(blockers.length, 1)
    await t.rejects(engine.apply(manifest, { mode: 'merge' }), { code: 'SOURCE_REJECTED' })
    await engine.sql(`DELETE FROM s.users WHERE id = 9; INSERT INTO s.users VALUES (9, ${other})`)
    const { plan } = await engine.apply(manifest, { mode: 'merge' })
    t.same(plan.blockers, [])
  })
}

t.test('taken by an exclusion constraint', async (t) => {
  const engine = await testEngine(
    t,
    `${usersSchema('during int4range', 'int4range(i * 10, i * 10 + 5)')}; ALTER TABLE s.users ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&)`,
    users,
  )
  const manifest = await engine.take()
  await engine.sql(`DELETE FROM s.users WHERE id < 3; INSERT INTO s.users VALUES (9, '[13,22)')`)
  t.match(said(await engine.plan(manifest, { mode: 'merge' })), [
    ['VALUE_TAKEN', [1], /^\(during\) = \(\[10,15\)\) .*apart/],
    ['VALUE_TAKEN', [2], /^\(during\) = \(\[20,25\)\) .*apart/],
  ])
  await engine.sql(`UPDATE s.users SET during = '[15,20)' WHERE id = 9`)
  t.same((await engine.apply(manifest, { mode: 'merge' })).plan.blockers, [])
})

t.test('a key that is newer than the snapshot and allows no two of its rows', async (t) => {
  const engine = await testEngine(t, usersSchema('v int', 'i % 4'), users)
  const manifest = await engine.take()
  await engine.sql('DELETE FROM s.users WHERE id > 3; CREATE UNIQUE INDEX k ON s.users (v)')
  t.same(said(await engine.plan(manifest, { keys: [[4]] })), [])
  t.match(said(await engine.plan(manifest, { keys: [[5]] })), [['VALUE_TAKEN', [5], /\(id\) = \(1\)/]])
  await engine.sql('DELETE FROM s.users')
  t.match(said(await engine.plan(manifest)), [['VALUE_TAKEN', [5], /^\(v\) = \(1\) .* two rows .* k does/]])
})

t.test('rows that get their new internal ids when they are written', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.lists (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
     CREATE TABLE s.entries (id serial PRIMARY KEY, list_id int NOT NULL REFERENCES s.lists, after int REFERENCES s.entries, name text NOT NULL UNIQUE, n int NOT NULL);
     CREATE UNIQUE INDEX ON s.entries (list_id, n); CREATE UNIQUE INDEX ON s.entries (coalesce(list_id, 0), name);
     CREATE UNIQUE INDEX ON s.entries (after) NULLS NOT DISTINCT WHERE n > 1;
     INSERT INTO s.lists (name) SELECT 'l' || i FROM generate_series(1, 3) i;
     INSERT INTO s.entries (list_id, name, n) SELECT 1 + i / 3, 'e' || i, 1 + i % 3 FROM generate_series(0, 8) i WHERE i % 3 = 0;
     INSERT INTO s.entries (list_id, name, n, after) SELECT 1 + i / 3, 'e' || i, 1 + i % 3, (SELECT max(id) FROM s.entries) FROM generate_series(0, 1) i WHERE i % 3 > 0`,
    {
      dataset: 'lists',
      records: {
        table: 's.lists',
        key: 'name',
        children: [
          {
            table: 's.entries',
            as: 'entries',
            key: 'name',
            references: { after: { table: 's.entries', key: 'name', missing: 'null' } },
          },
        ],
      },
    },
  )
  const manifest = await engine.take()
  await engine.sql(`TRUNCATE s.lists, s.entries; INSERT INTO s.lists VALUES (50, 'kept');
    INSERT INTO s.entries (list_id, name, n) VALUES (50, 'kept', 2)`)
  const { hash, blockers } = await engine.plan(manifest, { mode: 'merge' })
  t.same(blockers, [], 'they are nobody’s yet')
  t.equal((await engine.apply(manifest, { mode: 'merge' })).plan.hash, hash)
  const rows = await engine.sql(
    `SELECT e.name || ' ' || coalesce(a.name, '') AS row FROM s.entries e LEFT JOIN s.entries a ON a.id = e.after ORDER BY 1`,
  )
  t.same(
    rows.map(({ row }) => row),
    ['e0 ', 'e1 e6', 'e3 ', 'e6 ', 'kept '],
  )
})

t.test('what points at a row that is left out is left out as well', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.people (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
     CREATE TABLE s.tasks (id serial PRIMARY KEY, name text NOT NULL UNIQUE, owner int REFERENCES s.people, after int REFERENCES s.tasks);
     INSERT INTO s.people (name) VALUES ('a'), ('b'); INSERT INTO s.tasks (name, owner) VALUES ('1', 1), ('2', NULL), ('3', NULL), ('4', NULL);
     UPDATE s.tasks SET after = 1 WHERE name = '2'; UPDATE s.tasks SET after = 2 WHERE name = '3'`,
    {
      dataset: 'tasks',
      records: {
        table: 's.tasks',
        key: 'name',
        references: {
          after: { table: 's.tasks', key: 'name', missing: 'skip' },
          owner: { table: 's.people', key: 'name', missing: 'skip' },
        },
      },
    },
  )
  const manifest = await engine.take()
  await engine.sql(`TRUNCATE s.tasks; DELETE FROM s.people WHERE name = 'a'`)
  const { plan } = await engine.apply(manifest)
  t.match(plan.operations, { create: 1, skip: 3 })
  t.equal(plan.warningCount, 3)
  t.same(await engine.sql('SELECT name, after FROM s.tasks'), [{ name: '4', after: null }])
})
