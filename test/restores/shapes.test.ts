import t, { type Test } from 'tap'
import type { Declaration } from '../../src/datasets/definition.ts'
import { dump, testEngine, type Engine } from '../support/engine.ts'

const codes = (warnings: { code: string }[]) => warnings.map(({ code }) => code)

/** Takes a snapshot, does damage, restores, and expects every row as it was. */
async function roundTrip(t: Test, engine: Engine, tables: string[], damage: string) {
  const before = await dump(engine, ...tables)
  const manifest = await engine.take()
  await engine.sql(damage)
  t.notSame(await dump(engine, ...tables), before, 'the damage shows')
  const planned = await engine.plan(manifest)
  const { plan, warnings } = await engine.apply(manifest)
  t.equal(plan.hash, planned.hash, 'the plan is the same when it is applied')
  t.same(await dump(engine, ...tables), before, 'every row is as it was')
  const again = await engine.plan(manifest)
  t.same(
    [again.operations.create, again.operations.update, again.operations.delete],
    [0, 0, 0],
    'nothing is left to do',
  )
  return { plan, warnings }
}

const library: Declaration = {
  dataset: 'library',
  records: {
    table: 'lib.categories',
    key: 'name',
    protect: 'is_protected',
    children: [
      {
        table: 'lib.category_videos',
        as: 'videos',
        parent: 'category_id',
        key: ['category_id', 'video_id'],
        order: 'position',
        references: {
          video_id: { table: 'lib.videos', key: 'youtube_id', missing: 'skip', include: ['title'] },
        },
      },
    ],
  },
}

const librarySchema = `
  CREATE SCHEMA lib;
  CREATE TABLE lib.categories (id serial PRIMARY KEY, name text NOT NULL UNIQUE, is_protected boolean NOT NULL DEFAULT false);
  CREATE TABLE lib.videos (id serial PRIMARY KEY, youtube_id text NOT NULL UNIQUE, title text);
  CREATE TABLE lib.category_videos (category_id int NOT NULL REFERENCES lib.categories ON DELETE CASCADE,
    video_id int NOT NULL REFERENCES lib.videos ON DELETE CASCADE, position int NOT NULL, PRIMARY KEY (category_id, video_id));
  INSERT INTO lib.categories (name, is_protected) VALUES ('Uncategorised', true), ('Gaming', false), ('Über "Musik"', false);
  INSERT INTO lib.videos (youtube_id, title) SELECT 'yt' || i, 'Video ' || i FROM generate_series(1, 30) i;
  INSERT INTO lib.category_videos SELECT 1 + i % 3, i, i FROM generate_series(1, 30) i;`

/** What a category library holds, by names only. */
const byName = (engine: Engine) =>
  engine.sql(`SELECT c.name, c.is_protected, v.youtube_id, cv.position FROM lib.categories c
    LEFT JOIN lib.category_videos cv ON cv.category_id = c.id LEFT JOIN lib.videos v ON v.id = cv.video_id
    ORDER BY 1, 3`)

t.test('natural keys: children follow their parent to its new internal id', async (t) => {
  const engine = await testEngine(t, librarySchema, library)
  const before = await byName(engine)
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM lib.categories WHERE name = 'Gaming'; INSERT INTO lib.categories (name) VALUES ('Wrong')`,
  )
  const { plan } = await engine.apply(manifest)
  t.match(plan.operations, { create: 1, update: 0, delete: 1, keep: 2, skip: 0 })
  t.match(plan.tables['lib.category_videos'], { create: 10, update: 0, delete: 0, keep: 20 })
  t.same(await byName(engine), before)
  const [row] = await engine.sql(`SELECT id FROM lib.categories WHERE name = 'Gaming'`)
  t.equal(row?.id, 5, 'the internal id is a new one')
})

t.test('new internal ids are none that rows have which were given theirs by hand', async (t) => {
  const engine = await testEngine(t, librarySchema, library)
  const before = await byName(engine)
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM lib.categories WHERE name = 'Gaming'; INSERT INTO lib.categories (id, name) VALUES (4, 'A'), (5, 'B')`,
  )
  await engine.apply(manifest)
  t.same(await byName(engine), before)
})

t.test('references: gone rows are skipped with a warning each, the rest comes back', async (t) => {
  const engine = await testEngine(t, librarySchema, library)
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM lib.videos WHERE id IN (1, 4, 7); DELETE FROM lib.categories WHERE name = 'Gaming'`,
  )
  const { plan, warnings } = await engine.apply(manifest)
  t.equal(plan.tables['lib.category_videos']?.skip, 3)
  t.same(codes(warnings), ['REFERENCE_SKIPPED', 'REFERENCE_SKIPPED', 'REFERENCE_SKIPPED'])
  t.same(warnings[0]?.key, ['Gaming'])
  t.match(warnings[0]?.detail, /yt\d/)
  const [count] = await engine.sql('SELECT count(*)::int AS n FROM lib.category_videos')
  t.equal(count?.n, 27)
})

t.test('references: videos that were created anew are found by their stable key', async (t) => {
  const engine = await testEngine(t, librarySchema, library)
  const before = await byName(engine)
  const manifest = await engine.take()
  await engine.sql(`TRUNCATE lib.categories, lib.videos, lib.category_videos;
    INSERT INTO lib.videos (id, youtube_id, title) SELECT 1000 - i, 'yt' || i, 'Another title' FROM generate_series(1, 30) i`)
  await engine.apply(manifest)
  t.same(await byName(engine), before)
})

for (const [missing, expected] of [
  ['null', 'REFERENCE_EMPTIED'],
  ['fail', 'REFERENCE_MISSING'],
] as const) {
  t.test(`references: rule ${missing}`, async (t) => {
    const engine = await testEngine(
      t,
      `CREATE SCHEMA s; CREATE TABLE s.people (id serial PRIMARY KEY, email text NOT NULL UNIQUE);
       CREATE TABLE s.tasks (id int PRIMARY KEY, owner_id int REFERENCES s.people ON DELETE SET NULL);
       INSERT INTO s.people (email) VALUES ('a@x'), ('b@x'); INSERT INTO s.tasks VALUES (1, 1), (2, 2), (3, NULL)`,
      {
        dataset: 'tasks',
        records: { table: 's.tasks', references: { owner_id: { table: 's.people', key: 'email', missing } } },
      },
    )
    const manifest = await engine.take()
    await engine.sql(`DELETE FROM s.tasks; DELETE FROM s.people WHERE email = 'b@x'`)
    const plan = await engine.plan(manifest)
    t.same(codes(missing === 'fail' ? plan.blockers : plan.warnings), [expected])
    if (missing === 'fail') return
    await engine.apply(manifest)
    t.same(await engine.sql('SELECT * FROM s.tasks ORDER BY id'), [
      { id: 1, owner_id: 1 },
      { id: 2, owner_id: null },
      { id: 3, owner_id: null },
    ])
  })
}

t.test('protected records are never deleted and get their children back', async (t) => {
  const engine = await testEngine(t, librarySchema, library)
  const manifest = await engine.take()
  await engine.sql(`INSERT INTO lib.categories (name, is_protected) VALUES ('Later', true), ('Gone', false);
    DELETE FROM lib.category_videos WHERE category_id = 1`)
  const { plan, warnings } = await engine.apply(manifest)
  t.match(plan.operations, { create: 0, update: 1, delete: 1, skip: 1 })
  t.same(codes(warnings), ['PROTECTED_KEPT'])
  const names = await engine.sql('SELECT name FROM lib.categories ORDER BY name')
  t.same(
    names.map(({ name }) => name),
    ['Gaming', 'Later', 'Uncategorised', 'Über "Musik"'].sort(),
  )
  const [count] = await engine.sql('SELECT count(*)::int AS n FROM lib.category_videos WHERE category_id = 1')
  t.equal(count?.n, 10)
})

t.test('composite keys, three levels, quoted and long names', async (t) => {
  const long = 'a_name_of_sixty_three_bytes_is_the_longest_that_postgresql_takes'.slice(0, 63)
  const engine = await testEngine(
    t,
    `CREATE SCHEMA "Odd ""schema"; CREATE TABLE "Odd ""schema"."Order's" ("Tenant" int, "No." text, "select" text, PRIMARY KEY ("Tenant", "No."));
     CREATE TABLE "Odd ""schema"."${long}" (tenant int, no text, line int, "qty" numeric(10,2), PRIMARY KEY (tenant, no, line),
       FOREIGN KEY (tenant, no) REFERENCES "Odd ""schema"."Order's");
     CREATE TABLE "Odd ""schema".notes (tenant int, no text, line int, seq int, body text, PRIMARY KEY (tenant, no, line, seq),
       FOREIGN KEY (tenant, no, line) REFERENCES "Odd ""schema"."${long}");
     INSERT INTO "Odd ""schema"."Order's" SELECT i % 3, 'No ' || i, 'x' FROM generate_series(1, 40) i;
     INSERT INTO "Odd ""schema"."${long}" SELECT i % 3, 'No ' || i, l, 1.50 FROM generate_series(1, 40) i, generate_series(1, 3) l;
     INSERT INTO "Odd ""schema".notes SELECT i % 3, 'No ' || i, l, s, E'a\\nb\\t\\\\' FROM generate_series(1, 40) i, generate_series(1, 3) l, generate_series(1, 2) s`,
    {
      dataset: 'orders',
      records: {
        table: `Odd "schema.Order's`,
        children: [
          {
            table: `Odd "schema.${long}`,
            as: 'lines',
            children: [{ table: 'Odd "schema.notes', as: 'notes' }],
          },
        ],
      },
    },
  )
  const tables = [`"Odd ""schema"."Order's"`, `"Odd ""schema"."${long}"`, '"Odd ""schema".notes']
  const { plan } = await roundTrip(
    t,
    engine,
    tables,
    `DELETE FROM "Odd ""schema".notes WHERE tenant = 1; DELETE FROM "Odd ""schema"."${long}" WHERE tenant = 1; DELETE FROM "Odd ""schema"."Order's" WHERE "Tenant" = 1;
     UPDATE "Odd ""schema".notes SET body = 'damaged' WHERE seq = 2;
     INSERT INTO "Odd ""schema"."Order's" VALUES (9, 'new', NULL); INSERT INTO "Odd ""schema"."${long}" VALUES (9, 'new', 1, 0), (0, 'No 3', 9, 9);
     INSERT INTO "Odd ""schema".notes VALUES (9, 'new', 1, 1, ''), (0, 'No 3', 9, 1, '')`,
  )
  t.match(plan.operations, { create: 14, delete: 1, skip: 0 })
})

const tree = `CREATE SCHEMA s; CREATE TABLE s.nodes (id serial PRIMARY KEY, name text NOT NULL UNIQUE, parent_id int REFERENCES s.nodes DEFERRING);
  INSERT INTO s.nodes (id, name, parent_id) SELECT i, 'n' || i, CASE WHEN i > 1 THEN i / 2 END FROM generate_series(1, 63) i;
  SELECT setval('s.nodes_id_seq', 63)`

for (const deferrable of ['', 'DEFERRABLE INITIALLY DEFERRED', 'DEFERRABLE']) {
  t.test(`self-references by internal id ${deferrable || 'not deferrable'}`, async (t) => {
    const schema = tree.replace('DEFERRING', deferrable)
    const engine = await testEngine(t, schema, { dataset: 'tree', records: { table: 's.nodes' } })
    await roundTrip(
      t,
      engine,
      ['s.nodes'],
      `UPDATE s.nodes SET parent_id = 1 WHERE id IN (20, 21); DELETE FROM s.nodes WHERE id > 40;
       INSERT INTO s.nodes (id, name, parent_id) VALUES (100, 'x', 2), (101, 'y', 100); UPDATE s.nodes SET parent_id = 101 WHERE id = 30`,
    )
  })
}

t.test('self-references by stable key, whole trees created anew', async (t) => {
  const engine = await testEngine(t, tree.replace('DEFERRING', ''), {
    dataset: 'tree',
    records: {
      table: 's.nodes',
      key: 'name',
      references: { parent_id: { table: 's.nodes', key: 'name', missing: 'fail' } },
    },
  })
  const shape = () =>
    engine.sql(
      'SELECT n.name, p.name AS parent FROM s.nodes n LEFT JOIN s.nodes p ON p.id = n.parent_id ORDER BY 1',
    )
  const before = await shape()
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM s.nodes WHERE id > 1; UPDATE s.nodes SET id = 5000; INSERT INTO s.nodes (name, parent_id) VALUES ('stray', 5000)`,
  )
  await engine.apply(manifest)
  t.same(await shape(), before)
})

t.test('cycles between tables', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.teams (id int PRIMARY KEY, lead_id int);
     CREATE TABLE s.members (id int PRIMARY KEY, team_id int NOT NULL REFERENCES s.teams);
     ALTER TABLE s.teams ADD FOREIGN KEY (lead_id) REFERENCES s.members;
     INSERT INTO s.teams SELECT i FROM generate_series(1, 5) i; INSERT INTO s.members SELECT i, 1 + i % 5 FROM generate_series(1, 20) i;
     UPDATE s.teams SET lead_id = (SELECT min(id) FROM s.members WHERE team_id = teams.id)`,
    {
      dataset: 'teams',
      records: { table: 's.teams', children: [{ table: 's.members', as: 'members', parent: 'team_id' }] },
    },
  )
  await roundTrip(
    t,
    engine,
    ['s.teams', 's.members'],
    `UPDATE s.teams SET lead_id = NULL WHERE id IN (1, 2); DELETE FROM s.members WHERE team_id IN (1, 2); DELETE FROM s.teams WHERE id = 1;
     INSERT INTO s.members VALUES (90, 3); UPDATE s.teams SET lead_id = 90 WHERE id = 3;
     INSERT INTO s.teams VALUES (77); INSERT INTO s.members VALUES (91, 77); UPDATE s.teams SET lead_id = 91 WHERE id = 77`,
  )
})

t.test('generated and identity columns, and sequences that work afterwards', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
     CREATE TABLE s.parts (id bigserial PRIMARY KEY, item_id bigint NOT NULL REFERENCES s.items, odd bigint GENERATED BY DEFAULT AS IDENTITY);
     INSERT INTO s.items (n) SELECT i FROM generate_series(1, 20) i; INSERT INTO s.parts (item_id) SELECT i FROM generate_series(1, 20) i`,
    { dataset: 'items', records: { table: 's.items', children: [{ table: 's.parts', as: 'parts' }] } },
  )
  const manifest = await engine.take()
  await engine.sql(`TRUNCATE s.items, s.parts RESTART IDENTITY`)
  await engine.apply(manifest)
  await engine.sql(`INSERT INTO s.items (n) VALUES (99); INSERT INTO s.parts (item_id) VALUES (1)`)
  t.same(await engine.sql('SELECT id::int, twice FROM s.items WHERE n = 99'), [{ id: 21, twice: 198 }])
  t.same(await engine.sql('SELECT max(id)::int AS id, max(odd)::int AS odd FROM s.parts'), [
    { id: 21, odd: 21 },
  ])
})

t.test('unique values that change hands', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.lists (id int PRIMARY KEY);
     CREATE TABLE s.entries (id int PRIMARY KEY, list_id int NOT NULL REFERENCES s.lists, position int NOT NULL, slug text UNIQUE, UNIQUE (list_id, position));
     INSERT INTO s.lists VALUES (1); INSERT INTO s.entries SELECT i, 1, i, 'slug ' || i FROM generate_series(1, 10) i`,
    { dataset: 'lists', records: { table: 's.lists', children: [{ table: 's.entries', as: 'entries' }] } },
  )
  await roundTrip(
    t,
    engine,
    ['s.entries'],
    `UPDATE s.entries SET position = position + 100, slug = slug || '!'; UPDATE s.entries SET position = 111 - position, slug = 'slug ' || 11 - id`,
  )
})

t.test('unique values that go from a row that stays to one that comes back', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.lists (id int PRIMARY KEY);
     CREATE TABLE s.entries (id int PRIMARY KEY, list_id int NOT NULL REFERENCES s.lists, position int NOT NULL CHECK (position > 0),
       day date NOT NULL UNIQUE, slug uuid NOT NULL UNIQUE, UNIQUE (list_id, position));
     INSERT INTO s.lists VALUES (1);
     INSERT INTO s.entries SELECT i, 1, i, '2026-01-01'::date + i, md5(i::text)::uuid FROM generate_series(1, 10) i`,
    { dataset: 'lists', records: { table: 's.lists', children: [{ table: 's.entries', as: 'entries' }] } },
  )
  await roundTrip(
    t,
    engine,
    ['s.entries'],
    `DELETE FROM s.entries WHERE id IN (1, 2, 3);
     UPDATE s.entries SET position = id - 3, day = day - 3, slug = md5((id - 3)::text)::uuid WHERE id IN (4, 5, 6);`,
  )
})

t.test('unique values that change hands beside a key that others point at', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.people (id serial PRIMARY KEY, name text NOT NULL UNIQUE, seat int NOT NULL UNIQUE);
     CREATE TABLE s.tasks (id int PRIMARY KEY, owner text NOT NULL REFERENCES s.people (name));
     INSERT INTO s.people (name, seat) SELECT 'n' || i, i FROM generate_series(1, 5) i; INSERT INTO s.tasks SELECT i, 'n' || i FROM generate_series(1, 5) i`,
    {
      dataset: 'people',
      records: {
        table: 's.people',
        key: 'name',
        children: [{ table: 's.tasks', as: 'tasks', parent: 'owner' }],
      },
    },
  )
  await roundTrip(
    t,
    engine,
    ['s.people'],
    'UPDATE s.people SET seat = 100 + seat; UPDATE s.people SET seat = 106 - seat',
  )
})

t.test('columns with names that the statements use themselves', async (t) => {
  const names = [
    'r',
    's',
    't',
    'x',
    'd',
    'k',
    'k0',
    't0',
    '_no',
    '_op',
    '_top',
    '_parent',
    '_record',
    '_r0_0',
    '_found0',
  ]
  const columns = names.map((name) => `${name} text DEFAULT 'x'`).join(', ')
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.people (id serial PRIMARY KEY, email text NOT NULL UNIQUE);
     CREATE TABLE s.a (id int PRIMARY KEY, person int REFERENCES s.people, ${columns});
     CREATE TABLE s.r (id int PRIMARY KEY, a int NOT NULL REFERENCES s.a, ${columns});
     INSERT INTO s.people (email) VALUES ('a@x'); INSERT INTO s.a SELECT i, 1 FROM generate_series(1, 9) i;
     INSERT INTO s.r SELECT i, 1 + i % 9 FROM generate_series(1, 30) i`,
    {
      dataset: 'a',
      records: {
        table: 's.a',
        references: { person: { table: 's.people', key: 'email' } },
        children: [{ table: 's.r', as: 'c' }],
      },
    },
  )
  await roundTrip(
    t,
    engine,
    ['s.a', 's.r'],
    `DELETE FROM s.r WHERE a < 3; DELETE FROM s.a WHERE id < 3; UPDATE s.r SET _no = 'y', r = 'y' WHERE id > 25;
     UPDATE s.a SET person = NULL, _record = 'z' WHERE id > 7; INSERT INTO s.a (id) VALUES (20)`,
  )
})

t.test('rows that moved to another parent move back, with those below them', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.lists (id int PRIMARY KEY); CREATE TABLE s.tasks (id serial PRIMARY KEY, list_id int NOT NULL REFERENCES s.lists, what text);
     CREATE TABLE s.notes (id serial PRIMARY KEY, task_id int NOT NULL REFERENCES s.tasks ON DELETE CASCADE, body text);
     INSERT INTO s.lists SELECT i FROM generate_series(1, 3) i; INSERT INTO s.tasks (list_id, what) SELECT 1 + i % 3, 'x' FROM generate_series(1, 12) i;
     INSERT INTO s.notes (task_id, body) SELECT 1 + i % 12, 'x' FROM generate_series(1, 40) i`,
    {
      dataset: 'lists',
      records: {
        table: 's.lists',
        children: [{ table: 's.tasks', as: 'tasks', children: [{ table: 's.notes', as: 'notes' }] }],
      },
    },
  )
  await roundTrip(
    t,
    engine,
    ['s.lists', 's.tasks', 's.notes'],
    `UPDATE s.tasks SET list_id = 1 + list_id % 3 WHERE id < 6; UPDATE s.tasks SET what = 'y' WHERE id = 3; UPDATE s.notes SET task_id = 7 WHERE id IN (1, 2)`,
  )
})

t.test('a row that moved and is pointed at, or moved out of the scope, blocks the plan', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.albums (id int PRIMARY KEY); CREATE TABLE s.photos (id int PRIMARY KEY, album_id int REFERENCES s.albums);
     CREATE TABLE s.likes (id int PRIMARY KEY, photo_id int REFERENCES s.photos);
     INSERT INTO s.albums VALUES (1), (2); INSERT INTO s.photos VALUES (1, 1), (2, 1), (3, 1); INSERT INTO s.likes VALUES (1, 1)`,
    { dataset: 'albums', records: { table: 's.albums', children: [{ table: 's.photos', as: 'photos' }] } },
  )
  const manifest = await engine.take()
  await engine.sql(
    'UPDATE s.photos SET album_id = 2 WHERE id < 3; UPDATE s.photos SET album_id = NULL WHERE id = 3',
  )
  const where = async (keys?: [number][]) =>
    (await engine.plan(manifest, keys && { keys })).blockers.map(
      ({ code, detail }) => `${code} ${detail.slice(0, 9)}`,
    )
  t.same(await where(), ['ROW_ELSEWHERE The row 1', 'ROW_ELSEWHERE The row 3'])
  t.same(await where([[1]]), [
    'ROW_ELSEWHERE The row 1',
    'ROW_ELSEWHERE The row 2',
    'ROW_ELSEWHERE The row 3',
  ])
})

t.test('references by a domain that refuses NULL, from rows that point at nothing', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE DOMAIN s.code AS text NOT NULL;
     CREATE TABLE s.people (id serial PRIMARY KEY, code s.code UNIQUE); CREATE TABLE s.tasks (id int PRIMARY KEY, owner int REFERENCES s.people);
     INSERT INTO s.people (code) VALUES ('a'), ('b'); INSERT INTO s.tasks VALUES (1, 1), (2, NULL)`,
    {
      dataset: 'tasks',
      records: { table: 's.tasks', references: { owner: { table: 's.people', key: 'code' } } },
    },
  )
  await roundTrip(t, engine, ['s.tasks'], 'DELETE FROM s.tasks')
})

t.test('rows that others point at are kept, with all that would have gone along', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.albums (id int PRIMARY KEY, title text); CREATE TABLE s.photos (id int PRIMARY KEY, album_id int NOT NULL REFERENCES s.albums ON DELETE CASCADE);
     CREATE TABLE s.likes (id int PRIMARY KEY, photo_id int REFERENCES s.photos ON DELETE CASCADE);
     INSERT INTO s.albums VALUES (1, 'one')`,
    { dataset: 'albums', records: { table: 's.albums', children: [{ table: 's.photos', as: 'photos' }] } },
  )
  const manifest = await engine.take()
  await engine.sql(
    `INSERT INTO s.albums VALUES (2, 'two'), (3, 'three'); INSERT INTO s.photos VALUES (20, 2), (30, 3), (31, 3); INSERT INTO s.likes VALUES (1, 31)`,
  )
  const { plan, warnings } = await engine.apply(manifest)
  t.match(plan.operations, { delete: 1, skip: 1, keep: 2 })
  t.same(codes(warnings), ['REFERENCED_KEPT'])
  t.same(await dump(engine, 's.albums', 's.photos', 's.likes'), {
    's.albums': ['(1,one)', '(3,three)'],
    's.photos': ['(30,3)', '(31,3)'],
    's.likes': ['(1,31)'],
  })
})

t.test('a pointer that no rule covers blocks the plan and says where', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.owners (id int PRIMARY KEY); CREATE TABLE s.things (id int PRIMARY KEY, owner_id int REFERENCES s.owners);
     INSERT INTO s.owners VALUES (1); INSERT INTO s.things VALUES (1, 1)`,
    { dataset: 'things', records: { table: 's.things' } },
  )
  const manifest = await engine.take()
  await engine.sql('DELETE FROM s.things; DELETE FROM s.owners')
  const { blockers } = await engine.plan(manifest)
  t.match(blockers, [
    { code: 'REFERENCE_MISSING', table: 's.things', key: [1], detail: /owner_id points at 1 in s\.owners/ },
  ])
})

t.test('modes: merge deletes nothing, missing changes nothing', async (t) => {
  const schema = `CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, v text); CREATE TABLE s.b (id int PRIMARY KEY, a_id int REFERENCES s.a, v text);
    INSERT INTO s.a VALUES (1, 'x'), (2, 'x'); INSERT INTO s.b VALUES (1, 1, 'x'), (2, 2, 'x'), (3, 2, 'x')`
  const damage = `UPDATE s.a SET v = 'y' WHERE id = 2; UPDATE s.b SET v = 'y' WHERE id = 2; DELETE FROM s.b WHERE id IN (1, 3); DELETE FROM s.a WHERE id = 1;
    INSERT INTO s.a VALUES (3, 'new'); INSERT INTO s.b VALUES (9, 2, 'new')`
  const declaration: Declaration = {
    dataset: 'a',
    records: { table: 's.a', children: [{ table: 's.b', as: 'b' }] },
  }
  const outcomes = {
    merge: { 's.a': ['(1,x)', '(2,x)', '(3,new)'], 's.b': ['(1,1,x)', '(2,2,x)', '(3,2,x)', '(9,2,new)'] },
    missing: { 's.a': ['(1,x)', '(2,y)', '(3,new)'], 's.b': ['(1,1,x)', '(2,2,y)', '(3,2,x)', '(9,2,new)'] },
  }
  for (const mode of ['merge', 'missing'] as const) {
    const engine = await testEngine(t, schema, declaration)
    const manifest = await engine.take()
    await engine.sql(damage)
    await engine.apply(manifest, { mode })
    t.same(await dump(engine, 's.a', 's.b'), outcomes[mode], mode)
  }
})

t.test('given keys: the others are left as they are', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, v text); INSERT INTO s.a SELECT i, 'x' FROM generate_series(1, 500) i`,
    { dataset: 'a', records: { table: 's.a' } },
  )
  const manifest = await engine.take()
  await engine.sql(`UPDATE s.a SET v = 'y' WHERE id <= 10; DELETE FROM s.a WHERE id > 490`)
  const { plan } = await engine.apply(manifest, { keys: [[3], [495], [200]] })
  t.match(plan.operations, { create: 1, update: 1, delete: 0, keep: 1 })
  t.same(
    await engine.sql(`SELECT id FROM s.a WHERE v = 'y' ORDER BY id`),
    [1, 2, 4, 5, 6, 7, 8, 9, 10].map((id) => ({ id })),
  )
  t.same(await engine.sql('SELECT id FROM s.a WHERE id > 490'), [{ id: 495 }])
})

t.test('triggers: what they change is reported, what they prevent takes everything back', async (t) => {
  const schema = `CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, v text, touched timestamptz);
    CREATE FUNCTION public.epoch() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '2000-01-01'::timestamptz $$;
    CREATE FUNCTION s.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := epoch(); RETURN NEW; END $$;
    CREATE FUNCTION s.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    INSERT INTO s.a SELECT i, 'x', '1999-01-01' FROM generate_series(1, 5) i`
  const engine = await testEngine(t, schema, { dataset: 'a', records: { table: 's.a' } })
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM s.a WHERE id < 3; CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON s.a FOR EACH ROW EXECUTE FUNCTION s.touch()`,
  )
  const { warnings } = await engine.apply(manifest)
  t.same(codes(warnings), ['ALTERED_BY_TRIGGER'])
  await engine.sql(`DROP TRIGGER touch ON s.a; DELETE FROM s.a WHERE id > 3; UPDATE s.a SET v = 'y';
    CREATE TRIGGER refuse BEFORE INSERT ON s.a FOR EACH ROW EXECUTE FUNCTION s.refuse()`)
  const before = await dump(engine, 's.a')
  await t.rejects(engine.apply(manifest), { code: 'RESTORE_NOT_PROVEN' })
  t.same(await dump(engine, 's.a'), before, 'nothing was changed')
})

t.test('partitioned tables', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.logs (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
     CREATE TABLE s.logs_1 PARTITION OF s.logs FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
     CREATE TABLE s.logs_2 PARTITION OF s.logs FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
     INSERT INTO s.logs SELECT i, '2026-01-01'::date + i, 'x' FROM generate_series(0, 57) i`,
    { dataset: 'logs', records: { table: 's.logs' } },
  )
  await roundTrip(
    t,
    engine,
    ['s.logs'],
    `DELETE FROM s.logs WHERE id % 2 = 0; UPDATE s.logs SET v = 'y' WHERE id % 3 = 0`,
  )
})

t.test('the dataset has changed since: columns on one side only are left alone', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, kept text, dropped text); INSERT INTO s.a SELECT i, 'x', 'd' FROM generate_series(1, 4) i`,
    { dataset: 'a', records: { table: 's.a' } },
  )
  const manifest = await engine.take()
  await engine.sql(`ALTER TABLE s.a DROP COLUMN dropped; ALTER TABLE s.a ADD COLUMN added text DEFAULT 'default';
    UPDATE s.a SET added = 'own'; UPDATE s.a SET kept = 'y' WHERE id = 1; DELETE FROM s.a WHERE id = 2`)
  await engine.reload()
  const { plan, warnings } = await engine.apply(manifest)
  t.match(plan.operations, { create: 1, update: 1, delete: 0, keep: 2 })
  t.same(codes(warnings), ['DATASET_CHANGED', 'DATASET_CHANGED'])
  t.same(await dump(engine, 's.a'), { 's.a': ['(1,x,own)', '(2,x,default)', '(3,x,own)', '(4,x,own)'] })
})

t.test('a tenant column that belongs to the parent and to a reference at once', async (t) => {
  const engine = await testEngine(
    t,
    `CREATE SCHEMA s; CREATE TABLE s.tenants (id int PRIMARY KEY);
     CREATE TABLE s.people (tenant int REFERENCES s.tenants, id int, email text NOT NULL, PRIMARY KEY (tenant, id), UNIQUE (tenant, email));
     CREATE TABLE s.tasks (tenant int REFERENCES s.tenants, no int, owner int, PRIMARY KEY (tenant, no), FOREIGN KEY (tenant, owner) REFERENCES s.people);
     INSERT INTO s.tenants VALUES (1), (2); INSERT INTO s.people VALUES (1, 1, 'a@x'), (1, 2, 'b@x'), (2, 1, 'a@x');
     INSERT INTO s.tasks VALUES (1, 1, 1), (1, 2, 2), (2, 1, 1), (2, 2, NULL)`,
    {
      dataset: 'tenants',
      records: {
        table: 's.tenants',
        children: [
          {
            table: 's.tasks',
            as: 'tasks',
            parent: 'tenant',
            references: { owner: { table: 's.people', key: ['tenant', 'email'], missing: 'null' } },
          },
        ],
      },
    },
  )
  const manifest = await engine.take()
  await engine.sql(
    `DELETE FROM s.tasks; DELETE FROM s.people WHERE email = 'b@x'; UPDATE s.people SET id = id + 10`,
  )
  const { warnings } = await engine.apply(manifest)
  t.same(codes(warnings), ['REFERENCE_EMPTIED'])
  t.same(await dump(engine, 's.tasks'), { 's.tasks': ['(1,1,11)', '(1,2,)', '(2,1,11)', '(2,2,)'] })
})
