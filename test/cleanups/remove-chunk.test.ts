import pg from 'pg'
import t, { type Test } from 'tap'
import { removeChunk, type ChunkOutcome } from '../../src/cleanups/remove-chunk.ts'
import { surveyRecords } from '../../src/cleanups/survey-records.ts'
import type { LeftAlone } from '../../src/cleanups/plan.ts'
import type { Declaration } from '../../src/datasets/definition.ts'
import { readRecords, type ArtifactRecord } from '../../src/snapshots/artifact-reader.ts'
import type { KeyValue } from '../../src/snapshots/manifest.ts'
import { dump, testEngine, type Engine } from '../support/engine.ts'

const schema = `
  CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL, is_protected boolean, latest int);
  CREATE TABLE notes (id int PRIMARY KEY, room_id int NOT NULL REFERENCES rooms ON DELETE CASCADE, body text,
    reply_to int REFERENCES notes);
  ALTER TABLE rooms ADD FOREIGN KEY (latest) REFERENCES notes;
  INSERT INTO rooms SELECT i, 'room ' || i, i = 9 FROM generate_series(1, 9) i;
  INSERT INTO notes SELECT i, (i - 1) / 3 + 1, 'note ' || i, CASE WHEN i % 3 <> 1 THEN i - 1 END FROM generate_series(1, 27) i;
  UPDATE rooms SET latest = id * 3`

const declaration: Declaration = {
  dataset: 'rooms',
  records: {
    table: 'public.rooms',
    label: 'name',
    protect: 'is_protected',
    references: { latest: { table: 'public.notes', key: 'id', missing: 'null' } },
    children: [
      {
        table: 'public.notes',
        as: 'notes',
        parent: 'room_id',
        references: { reply_to: { table: 'public.notes', key: 'id', missing: 'null' } },
      },
    ],
  },
}

interface Removal {
  spare?: (keys: KeyValue[][]) => Promise<LeftAlone[]>
  beforeCommit?: () => Promise<void>
  only?: number[]
  /** Gets at the connection before it is used. */
  prepare?: (client: pg.ClientBase) => void
}

/** Captures everything. @returns removes the captured records in one chunk */
async function captured(engine: Engine): Promise<(removal?: Removal) => Promise<ChunkOutcome>> {
  const manifest = await engine.take()
  const records: ArtifactRecord[] = []
  for await (const batch of readRecords(engine.store, manifest, engine.dataset.root.key.length))
    records.push(...batch)
  return ({ spare = async () => [], beforeCommit = async () => undefined, only, prepare } = {}) =>
    engine.source.withConnection((client) => {
      prepare?.(client)
      return removeChunk({
        ...{ client, dataset: engine.dataset, spare, beforeCommit, signal: new AbortController().signal },
        begun: async () => undefined,
        records: only === undefined ? records : records.filter(({ key }) => only.includes(key[0] as number)),
      })
    })
}

const whyLeft = ({ left }: ChunkOutcome) =>
  Object.fromEntries(left.map(({ key, code }) => [String(key[0]), code]))

t.test('rows that point at each other go together; the protected one stays', async (t: Test) => {
  const engine = await testEngine(t, schema, declaration)
  const remove = await captured(engine)
  const outcome = await remove()
  t.same(whyLeft(outcome), { 9: 'PROTECTED' })
  t.same(outcome.tables, { 'public.rooms': 8, 'public.notes': 24 })
  t.same(await engine.sql('SELECT id FROM rooms'), [{ id: 9 }])
  t.same(await engine.sql('SELECT count(*)::int AS n FROM notes'), [{ n: 3 }])
})

t.test('what moved since the capture stays, and nothing else does', async (t: Test) => {
  const engine = await testEngine(t, schema, declaration)
  const remove = await captured(engine)
  await engine.sql(
    `UPDATE rooms SET name = 'other' WHERE id = 1; UPDATE notes SET body = 'other' WHERE id = 4;
    INSERT INTO notes VALUES (100, 3, 'new'); DELETE FROM notes WHERE id = 10 OR reply_to = 10;
    UPDATE rooms SET latest = NULL WHERE id = 5; DELETE FROM notes WHERE room_id = 5; DELETE FROM rooms WHERE id = 5;
    UPDATE rooms SET is_protected = true WHERE id = 6`.replace(
      'DELETE FROM notes WHERE id = 10 OR reply_to = 10',
      'UPDATE rooms SET latest = NULL WHERE id = 4; DELETE FROM notes WHERE id = 12',
    ),
  )
  const outcome = await remove({ spare: async () => [{ key: [7], code: 'HELD', detail: 'held' }] })
  t.same(whyLeft(outcome), {
    1: 'CHANGED',
    2: 'CHANGED',
    3: 'CHANGED',
    4: 'CHANGED',
    5: 'GONE',
    6: 'CHANGED',
    7: 'HELD',
    9: 'PROTECTED',
  })
  t.same(outcome.removed, [[8]])
  t.same(await engine.sql('SELECT array_agg(id ORDER BY id) AS ids FROM rooms'), [
    { ids: [1, 2, 3, 4, 6, 7, 9] },
  ])
})

for (const action of ['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT']) {
  t.test(
    `a row outside the dataset that points at it with ON DELETE ${action} keeps a record`,
    async (t: Test) => {
      const engine = await testEngine(
        t,
        `${schema};
      CREATE TABLE invoices (id int PRIMARY KEY, room int DEFAULT 9 REFERENCES rooms ON DELETE ${action},
        note int REFERENCES notes ON DELETE ${action});
      INSERT INTO invoices VALUES (1, 2, NULL), (2, NULL, 10)`,
        declaration,
      )
      const survey = await surveyRecords({
        source: engine.source,
        dataset: engine.dataset,
        condition: null,
        held: [[3]],
      })
      t.match(survey.plan, { records: 5, kept: 4, leftCounts: { REFERENCED: 2, HELD: 1, PROTECTED: 1 } })
      t.match(survey.plan.outside, [
        { table: 'public.invoices', onDelete: action.toLowerCase(), rows: 1, records: 1 },
        { rows: 1 },
      ])
      const before = await dump(engine, 'invoices')
      const remove = await captured(engine)
      await engine.sql('INSERT INTO invoices VALUES (3, 6, NULL)')
      const outcome = await remove()
      t.same(whyLeft(outcome), { 2: 'REFERENCED', 4: 'REFERENCED', 6: 'REFERENCED', 9: 'PROTECTED' })
      t.same((await dump(engine, 'invoices')).invoices, [...before.invoices!, '(3,6,)'])
    },
  )
}

t.test('a record that another one points at goes only along with it', async (t: Test) => {
  const engine = await testEngine(
    t,
    `${schema}; UPDATE notes SET reply_to = 1 WHERE id IN (5, 8)`,
    declaration,
  )
  const remove = await captured(engine)
  t.same(whyLeft(await remove({ only: [1, 2] })), { 1: 'REFERENCED' }, 'room 3 replies to room 1')
  t.same(whyLeft(await remove({ only: [1, 3] })), {})
})

t.test('what the application is using is left to it, without waiting', async (t: Test) => {
  const engine = await testEngine(t, schema, declaration)
  const remove = await captured(engine)
  const writer = new pg.Client({ connectionString: engine.url })
  await writer.connect()
  t.teardown(() => writer.end())
  await writer.query(`BEGIN; UPDATE rooms SET name = 'mine' WHERE id = 1; UPDATE notes SET body = 'mine' WHERE id = 5;
    INSERT INTO notes VALUES (100, 3, 'new')`)
  const began = performance.now()
  const outcome = await remove()
  t.ok(performance.now() - began < 5000)
  t.same(whyLeft(outcome), { 1: 'LOCKED', 2: 'LOCKED', 3: 'LOCKED', 9: 'PROTECTED' })
  await writer.query('COMMIT')
  t.same(await engine.sql('SELECT array_agg(id ORDER BY id) AS ids FROM rooms'), [{ ids: [1, 2, 3, 9] }])
})

const triggers = {
  'deletes rows of another table': `DELETE FROM logs WHERE room = OLD.id; RETURN OLD`,
  'empties another table': `TRUNCATE logs; RETURN OLD`,
  'keeps a row from going': `RETURN CASE WHEN OLD.id = 3 THEN NULL ELSE OLD END`,
  'deletes more of a table of the dataset': `UPDATE rooms SET latest = NULL WHERE id = 9; DELETE FROM notes WHERE id = 27; RETURN OLD`,
}
for (const [what, body] of Object.entries(triggers)) {
  t.test(`a trigger that ${what}: nothing of the chunk goes`, async (t: Test) => {
    const engine = await testEngine(
      t,
      `${schema}; CREATE TABLE logs (room int); INSERT INTO logs SELECT generate_series(1, 9);
      CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; END $$;
      CREATE TRIGGER meddle BEFORE DELETE ON rooms FOR EACH ROW EXECUTE FUNCTION meddle()`,
      declaration,
    )
    const before = await dump(engine, 'rooms', 'notes', 'logs')
    await t.rejects((await captured(engine))(), { code: 'CLEANUP_NOT_PROVEN' })
    t.same(await dump(engine, 'rooms', 'notes', 'logs'), before)
    const { plan } = await surveyRecords({
      source: engine.source,
      dataset: engine.dataset,
      condition: null,
      held: [],
    })
    t.same(plan.triggers, [{ table: 'public.rooms', trigger: 'meddle' }])
  })
}

t.test('a trigger that only writes a log is no obstacle', async (t: Test) => {
  const engine = await testEngine(
    t,
    `${schema}; CREATE TABLE logs (room int);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO logs VALUES (OLD.id); RETURN OLD; END $$;
    CREATE TRIGGER note AFTER DELETE ON rooms FOR EACH ROW EXECUTE FUNCTION note()`,
    declaration,
  )
  t.equal((await (await captured(engine))()).removed.length, 8)
  t.same(await engine.sql('SELECT count(*)::int AS n FROM logs'), [{ n: 8 }])
})

t.test('row-level security that hides rows is an error, never a filter', async (t: Test) => {
  const engine = await testEngine(t, schema, declaration)
  const remove = await captured(engine)
  await engine.sql(`CREATE TABLE invoices (room int REFERENCES rooms ON DELETE CASCADE); INSERT INTO invoices VALUES (1);
    ALTER TABLE invoices ENABLE ROW LEVEL SECURITY; ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
    DROP ROLE IF EXISTS cleanup_reader; CREATE ROLE cleanup_reader LOGIN PASSWORD 'x';
    GRANT ALL ON ALL TABLES IN SCHEMA public TO cleanup_reader; GRANT TEMPORARY ON DATABASE ${new URL(engine.url).pathname.slice(1)} TO cleanup_reader`)
  t.teardown(() => engine.sql('DROP OWNED BY cleanup_reader; DROP ROLE cleanup_reader'))
  await engine.reload()
  await t.rejects(
    engine.source.withConnection(async (client) => {
      await client.query('SET ROLE cleanup_reader')
      const link = { ...engine.dataset }
      const manifest = await engine.take()
      for await (const records of readRecords(engine.store, manifest, 1))
        await removeChunk({
          client,
          dataset: link,
          records,
          spare: async () => [],
          begun: async () => undefined,
          beforeCommit: async () => undefined,
          signal: new AbortController().signal,
        })
    }),
    { code: 'SOURCE_PERMISSION_MISSING', message: /row-level security/ },
  )
  t.equal((await engine.sql('SELECT id FROM rooms')).length, 9)
  t.ok(remove)
})

t.test('what goes wrong before the commit takes everything back', async (t: Test) => {
  const engine = await testEngine(t, schema, declaration)
  const before = await dump(engine, 'rooms', 'notes')
  const remove = await captured(engine)
  await t.rejects(
    remove({
      beforeCommit: async () => {
        throw new Error('no')
      },
    }),
    { message: 'no' },
  )
  t.same(await dump(engine, 'rooms', 'notes'), before)
})

t.test('composite keys, partitions, and a child without a foreign key', async (t: Test) => {
  const engine = await testEngine(
    t,
    `
    CREATE TABLE orders (shop text, no bigint, total numeric, PRIMARY KEY (shop, no)) PARTITION BY LIST (shop);
    CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('ä "x"'); CREATE TABLE orders_b PARTITION OF orders FOR VALUES IN ('b');
    CREATE TABLE lines (shop text, no bigint, line int, PRIMARY KEY (shop, no, line));
    INSERT INTO orders SELECT s, i, i / 3.0 FROM unnest(ARRAY['ä "x"', 'b']) s, generate_series(1, 5) i;
    INSERT INTO lines SELECT shop, no, l FROM orders, generate_series(1, 2) l`,
    {
      dataset: 'orders',
      records: {
        table: 'public.orders',
        children: [{ table: 'public.lines', as: 'lines', parent: ['shop', 'no'] }],
      },
    },
  )
  const remove = await captured(engine)
  await engine.sql(`INSERT INTO lines VALUES ('b', 2, 9)`)
  const outcome = await remove()
  t.same(
    outcome.left.map(({ key, code }) => [key, code]),
    [[['b', '2'], 'CHANGED']],
  )
  t.same(outcome.tables, { 'public.orders': 9, 'public.lines': 18 })
  t.same(await engine.sql('SELECT no FROM orders'), [{ no: '2' }])
})

const tree = `
  CREATE TABLE firms (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE teams (id int PRIMARY KEY, firm_id int NOT NULL REFERENCES firms, name text NOT NULL);
  CREATE TABLE people (id int PRIMARY KEY, team_id int NOT NULL REFERENCES teams ON DELETE CASCADE, name text NOT NULL);
  INSERT INTO firms SELECT i, 'firm ' || i FROM generate_series(1, 5) i;
  INSERT INTO teams SELECT i, (i - 1) / 2 + 1, 'team ' || i FROM generate_series(1, 10) i;
  INSERT INTO people SELECT i, (i - 1) / 2 + 1, 'person ' || i FROM generate_series(1, 18) i`

const firms: Declaration = {
  dataset: 'firms',
  records: {
    table: 'public.firms',
    children: [{ table: 'public.teams', as: 'teams', children: [{ table: 'public.people', as: 'people' }] }],
  },
}

async function connection(t: Test, { url }: Engine): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  return client
}

t.test('every row of what goes is locked before anything is asked about it', async (t: Test) => {
  const engine = await testEngine(t, tree, firms)
  const other = await connection(t, engine)
  const remove = await captured(engine)
  const free = async () =>
    Promise.all(
      ['firms', 'teams', 'people'].map(async (table) => {
        const { rows } = await other.query(`SELECT id FROM ${table} ORDER BY id FOR KEY SHARE SKIP LOCKED`)
        return rows.map(({ id }: { id: number }) => id)
      }),
    )
  let seen: number[][] = []
  const outcome = await remove({ only: [1, 2, 3, 4], spare: async () => ((seen = await free()), []) })
  t.same(seen, [[5], [9, 10], [17, 18]])
  t.same(outcome.tables, { 'public.firms': 4, 'public.teams': 8, 'public.people': 16 })
  t.same(await free(), [[5], [9, 10], [17, 18]], 'what stayed is what was never locked')
})

t.test('a row in the middle that is in use keeps its own record and no other', async (t: Test) => {
  const engine = await testEngine(t, tree, firms)
  const remove = await captured(engine)
  const writer = await connection(t, engine)
  await writer.query(`BEGIN; UPDATE teams SET name = 'mine' WHERE id = 3`)
  await engine.sql(`UPDATE people SET name = 'other' WHERE id = 9`)
  t.same(whyLeft(await remove()), { 2: 'LOCKED', 3: 'CHANGED' })
  await writer.query('COMMIT')
  t.same(await engine.sql('SELECT array_agg(id ORDER BY id) AS ids FROM people'), [
    { ids: [5, 6, 7, 8, 9, 10, 11, 12] },
  ])
})

t.test('a record that is let go of just as its children are locked is tried again', async (t: Test) => {
  const engine = await testEngine(t, tree, firms)
  const remove = await captured(engine)
  const writer = await connection(t, engine)
  await writer.query(`BEGIN; UPDATE firms SET name = 'mine' WHERE id = 2`)
  const before = await dump(engine, 'teams', 'people')
  let copies = 0
  const beforeSecondCopy = (client: pg.ClientBase) => {
    const query = client.query.bind(client) as (...of: unknown[]) => unknown
    const wait = (...of: unknown[]) => {
      if (typeof (of[0] as { submit?: unknown }).submit !== 'function' || ++copies !== 2) return query(...of)
      void writer.query('COMMIT').then(() => query(...of))
      return of[0]
    }
    Object.assign(client, { query: wait })
  }
  await t.rejects(remove({ prepare: beforeSecondCopy }), { code: 'SOURCE_CONFLICT' })
  t.same(await dump(engine, 'teams', 'people'), before, 'nothing was removed')
  t.same(whyLeft(await remove()), { 2: 'CHANGED' })
})

t.test(
  'a row that is added where no foreign key stands guard: nothing of the chunk goes',
  async (t: Test) => {
    const engine = await testEngine(t, `${tree}; ALTER TABLE people DROP CONSTRAINT people_team_id_fkey`, {
      ...firms,
      records: {
        table: 'public.firms',
        children: [
          {
            table: 'public.teams',
            as: 'teams',
            children: [{ table: 'public.people', as: 'people', parent: 'team_id' }],
          },
        ],
      },
    })
    const remove = await captured(engine)
    const add = async () => (await engine.sql(`INSERT INTO people VALUES (19, 1, 'late')`), [])
    await t.rejects(remove({ spare: add }), { code: 'SOURCE_CONFLICT', message: /people were added/ })
    t.same(whyLeft(await remove()), { 1: 'CHANGED' })
  },
)

t.test('a trigger that swaps what belongs to whom: nothing of the chunk goes', async (t: Test) => {
  const engine = await testEngine(
    t,
    `${tree}; CREATE FUNCTION swap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      UPDATE teams SET firm_id = 6 - firm_id WHERE id IN (1, 9); RETURN OLD; END $$;
    CREATE TRIGGER swap AFTER DELETE ON people FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION swap();
    DELETE FROM people WHERE team_id = 9`,
    firms,
  )
  const before = await dump(engine, 'firms', 'teams', 'people')
  const remove = await captured(engine)
  await t.rejects(remove({ only: [1, 2, 3, 4] }), { code: /CLEANUP_NOT_PROVEN|SOURCE_REJECTED/ })
  t.same(await dump(engine, 'firms', 'teams', 'people'), before)
})
