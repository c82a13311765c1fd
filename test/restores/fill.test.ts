import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { armFailpoints } from '../../src/platform/failpoints.ts'
import { testApp } from '../support/app.ts'
import type { Declaration } from '../../src/datasets/definition.ts'
import { dump, testEngine } from '../support/engine.ts'

/** Restores whose rows go straight into tables that are empty. */
const orders: Declaration = {
  dataset: 'orders',
  records: { table: 's.orders', children: [{ table: 's.lines', as: 'lines' }] },
}

/** Where the application's own names come before the system's, a `regclass` says something else than it did when it was read. */
const schema = `DO $$ BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$;
  CREATE SCHEMA s; CREATE TABLE public.pg_class ();
  CREATE FUNCTION public.nought() RETURNS numeric LANGUAGE sql AS 'SELECT 0';
  CREATE TABLE s.customers (id int PRIMARY KEY);
  CREATE TABLE s.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES s.customers, note text,
    doubled bigint GENERATED ALWAYS AS (customer * 2) STORED, seen bytea, at timestamptz, tags text[], kind regclass, amount_of numeric DEFAULT nought() CHECK (nought() = 0));
  CREATE TABLE s.lines (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id bigint NOT NULL REFERENCES s.orders ON DELETE CASCADE,
    amount numeric CHECK (amount >= 0), extra jsonb, UNIQUE (order_id, amount));
  INSERT INTO s.customers SELECT generate_series(1, 9);`

const rows = `INSERT INTO s.orders (customer, note, seen, at, tags, kind)
    SELECT nullif(i % 10, 0), E'a\\\\b\\t"c"\\n/é€😀' || i, decode(md5(i::text), 'hex'), '2026-01-01Z'::timestamptz + i * interval '7 s',
      ARRAY['x', NULL, 'a,b{}"\\'], CASE i % 2 WHEN 0 THEN 'pg_catalog.pg_class' ELSE 's.customers' END::regclass FROM generate_series(1, 2000) i;
  INSERT INTO s.lines (order_id, amount, extra)
    SELECT 1 + i % 1999, i / 7.0, CASE i % 3 WHEN 0 THEN 'null'::jsonb WHEN 1 THEN '{"a": [1, "\\u20ac"]}' END FROM generate_series(1, 9000) i`

const tables = ['s.orders', 's.lines']

async function lost(t: Test, declaration = orders, change = '') {
  const engine = await testEngine(t, `${schema} ${rows}; ${change}`, declaration)
  const before = await dump(engine, ...tables)
  const manifest = await engine.take()
  await engine.sql(`TRUNCATE ${tables.join(', ')}`)
  return { engine, before, manifest }
}

/** How much of its file a table's rows have taken, whether they were rolled back or not. */
const written = `SELECT pg_relation_size('s.orders') + pg_relation_size('s.lines') AS bytes`

t.test('rows go straight into empty tables, exactly as they were', async (t) => {
  const { engine, before, manifest } = await lost(t)
  const shown = await engine.plan(manifest)
  const { filled, plan, warnings } = await engine.apply(manifest, { shown })
  t.equal(filled, true)
  t.equal(plan.hash, shown.hash)
  t.same(plan.tables, shown.tables)
  t.same(plan.operations, shown.operations)
  t.same(warnings, [])
  t.same(await dump(engine, ...tables), before)
  const [next] = await engine.sql(`INSERT INTO s.orders (note) VALUES ('next') RETURNING id`)
  t.equal(next!['id'], '2001')
  await t.rejects(engine.sql(`INSERT INTO s.lines (order_id) VALUES (-1)`), /foreign key/)
  t.same(await engine.sql(`SELECT relname FROM pg_catalog.pg_class WHERE relname LIKE 'holdfast%'`), [])
})

t.test('a damaged artifact is refused before a row is written', async (t) => {
  // More than is collected before it is sent.
  const { engine, manifest } = await lost(t, orders, 'UPDATE s.orders SET note = repeat(md5(id::text), 150)')
  const shown = await engine.plan(manifest)
  const path = `${engine.folder}/${manifest.key}`
  const bytes = await readFile(path)
  bytes[bytes.length - 300]! ^= 1
  await writeFile(path, bytes)
  await t.rejects(engine.apply(manifest, { shown }), { code: 'SNAPSHOT_CORRUPT' })
  t.same(await engine.sql(written), [{ bytes: '0' }])
})

t.test('what a row points at has to be there', async (t) => {
  const { engine, manifest } = await lost(t)
  const shown = await engine.plan(manifest)
  await engine.sql('DELETE FROM s.customers WHERE id = 3')
  await t.rejects(engine.apply(manifest, { shown }), { code: 'RESTORE_NOT_PROVEN' })
  t.same(await engine.sql('SELECT FROM s.orders'), [])
})

t.test('constraints of the tables hold', async (t) => {
  const { engine, manifest } = await lost(t)
  const shown = await engine.plan(manifest)
  await engine.sql('ALTER TABLE s.lines ADD CHECK (amount < 1000)')
  await t.rejects(engine.apply(manifest, { shown }), {
    code: 'SOURCE_REJECTED',
    message: /lines_amount_check1/,
  })
  t.same(await engine.sql('SELECT FROM s.orders'), [])
})

t.test('a plan over other records than the snapshot has now is not carried out', async (t) => {
  const { engine, manifest } = await lost(t)
  const shown = await engine.plan(manifest)
  await t.rejects(engine.apply(manifest, { shown: { ...shown, hash: 'another' } }), /drifted/)
  t.same(await engine.sql('SELECT FROM s.orders'), [])
})

t.test('rows are staged where something has to be looked up, or might meddle', async (t) => {
  const trigger = `CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER g BEFORE INSERT ON s.lines FOR EACH ROW EXECUTE FUNCTION s.f()`
  const customer = { table: 's.customers', key: 'id', missing: 'null' as const }
  const referring = { ...orders, records: { ...orders.records, references: { customer } } }
  const cases: [string, string, Declaration?][] = [
    ['a trigger of the application', trigger],
    ['a rule', 'CREATE RULE r AS ON INSERT TO s.orders DO ALSO NOTIFY x'],
    ['a constraint that is checked later', 'ALTER TABLE s.lines ADD UNIQUE (amount) DEFERRABLE'],
    [
      'a row that stands apart',
      'ALTER TABLE s.lines ALTER order_id DROP NOT NULL; INSERT INTO s.lines (amount) VALUES (1)',
    ],
    ['a reference', '', referring],
  ]
  for (const [name, change, declaration] of cases) {
    const { engine, before, manifest } = await lost(t, declaration)
    const shown = await engine.plan(manifest)
    await engine.sql(change)
    t.equal((await engine.apply(manifest, { shown })).filled, false, name)
    await engine.sql('DELETE FROM s.lines WHERE order_id IS NULL')
    t.same(await dump(engine, ...tables), before, name)
  }
  const { engine, manifest } = await lost(t)
  const shown = await engine.plan(manifest)
  await engine.sql('INSERT INTO s.orders OVERRIDING SYSTEM VALUE VALUES (1)')
  await t.rejects(engine.apply(manifest, { shown }), /drifted/, 'a record that has come back meanwhile')
})

const token = 'hf_filling_token_of_32_characters_'

/** The service over an engine's database. */
async function openService(t: Test, url: string) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-fill-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(
    join(folder, 'orders.yaml'),
    'dataset: orders\nrecords: { table: s.orders, children: [{ table: s.lines, as: lines }] }\n',
  )
  const environment = {
    HOLDFAST_SOURCE_APP_URL: url,
    HOLDFAST_DATASETS: folder,
    HOLDFAST_BOOTSTRAP_TOKEN: token,
  }
  const app = await testApp(t, { environment })
  const headers = { authorization: `Bearer ${token}`, prefer: 'wait=60' }
  return async (path: string, payload: object) =>
    (await app.inject({ method: 'POST', url: `/api${path}`, headers, payload })).json<
      Record<string, string>
    >()
}

t.test('the service fills, and takes it back', async (t) => {
  const engine = await testEngine(t, schema + rows, orders)
  const post = await openService(t, engine.url)
  const before = await dump(engine, ...tables)
  const snapshot = await post('/snapshots', { dataset: 'orders' })
  await engine.sql(`TRUNCATE ${tables.join(', ')}`)
  const plan = await post('/restores', { snapshotId: snapshot['id'] })

  const reached = Promise.withResolvers<void>()
  const armed = armFailpoints([{ name: 'restore.locked', action: 'pause', hit: 1 }], (_name, action) => {
    if (action === 'pause') reached.resolve()
  })
  t.teardown(() => armed.disarm())
  const applying = post(`/restores/${plan['id']}/application`, { planHash: plan['planHash'] })
  await reached.promise
  const [{ bytes }] = (await engine.sql(written)) as [{ bytes: string }]
  t.ok(Number(bytes) > 500_000, 'the rows are in their tables before anything else is written')
  t.same(await engine.sql('SELECT FROM s.orders'), [], 'where nobody sees them')
  armed.disarm()
  t.match(await applying, { status: 'completed' })
  t.same(await dump(engine, ...tables), before)

  const undo = await post(`/restores/${plan['id']}/undo`, {})
  t.match(undo, { plan: { create: 0, update: 0, delete: 2000 } })
  const undone = await post(`/restores/${undo['id']}/application`, { planHash: undo['planHash'] })
  t.match(undone, { status: 'completed' })
  t.same(await engine.sql('SELECT FROM s.orders UNION ALL SELECT FROM s.lines'), [])
})

for (const place of [
  'restore.verified',
  'restore.locked',
  'restore.captured',
  'restore.written',
  'restore.recorded',
] as const)
  t.test(`a filling that fails at ${place} leaves nothing`, async (t) => {
    const engine = await testEngine(t, `${schema} ${rows}`, orders)
    const post = await openService(t, engine.url)
    const before = await dump(engine, ...tables)
    const snapshot = await post('/snapshots', { dataset: 'orders' })
    await engine.sql(`TRUNCATE ${tables.join(', ')}`)
    const restore = async () => {
      const { id, planHash } = await post('/restores', { snapshotId: snapshot['id'] })
      return post(`/restores/${id}/application`, { planHash })
    }
    const armed = armFailpoints([{ name: place, action: 'error', hit: 1 }], () => undefined)
    t.match(await restore(), { code: /^(INTERNAL|RESTORE_INTERRUPTED)$/ })
    armed.disarm()
    t.same(await engine.sql('SELECT FROM s.orders UNION ALL SELECT FROM s.lines'), [])
    t.match(await restore(), { status: 'completed' })
    t.same(await dump(engine, ...tables), before)
  })
