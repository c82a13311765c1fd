import { randomBytes } from 'node:crypto'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { Declaration } from '../../src/datasets/definition.ts'
import { checkKeys, openBulk, type Bulk } from '../../src/restores/bulk.ts'
import { createStages, describeStages, type Stage } from '../../src/restores/stage.ts'
import { tableNodes } from '../../src/snapshots/capture.ts'
import { shareColumns } from '../../src/snapshots/shared-columns.ts'
import { readHeader } from '../../src/snapshots/artifact-reader.ts'
import type { Column } from '../../src/source/catalog.ts'
import { openSource } from '../../src/source/connect.ts'
import { dump, testEngine, type Engine } from '../support/engine.ts'
import { sql } from '../support/postgres.ts'

const orders: Declaration = {
  dataset: 'orders',
  records: { table: 's.orders', children: [{ table: 's.lines', as: 'lines' }] },
}

const ordersSchema = `CREATE SCHEMA s;
  CREATE TABLE s.customers (id int PRIMARY KEY);
  CREATE TABLE s.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES s.customers, note text);
  CREATE TABLE s.lines (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id bigint NOT NULL REFERENCES s.orders ON DELETE CASCADE, amount numeric);
  INSERT INTO s.customers SELECT generate_series(1, 9);
  INSERT INTO s.orders (customer, note) SELECT nullif(i % 10, 0), 'n' || i FROM generate_series(1, 2000) i;
  INSERT INTO s.lines (order_id, amount) SELECT 1 + i % 2000, i / 7.0 FROM generate_series(1, 9000) i;`

const tables = ['s.orders', 's.lines']

async function lost(t: Test, schema = ordersSchema, declaration = orders, names = tables) {
  const engine = await testEngine(t, schema, declaration)
  const before = await dump(engine, ...names)
  const manifest = await engine.take()
  await engine.sql(`TRUNCATE ${names.join(', ')}`)
  return { engine, before, manifest }
}

/** Stages of an engine's dataset on a connection of its own, in a transaction whose instant is now, as a restore has it. */
async function staged(t: Test, engine: Engine, url = engine.url) {
  const { shared } = shareColumns(engine.dataset, await readHeader(engine.store, await engine.take()))
  const stages = describeStages(tableNodes(engine.dataset.root), shared)
  const client = new pg.Client({ connectionString: url })
  const source = openSource('app', url)
  await client.connect()
  t.teardown(async () => {
    await client.end()
    await source.end()
  })
  await createStages(client, stages)
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1')
  for (const stage of stages) stage.staged.add('c')
  const late = new Map(stages.map((stage) => [stage, new Set<Column>()]))
  return { client, stages, late, open: () => openBulk(client, source, stages, 10_000, late) }
}

const named = ({ keys }: Bulk) => [...keys].map(([{ node }, all]) => [node.name, all.map(({ name }) => name)])

t.test('many rows come back exactly, and what they point at is there', async (t) => {
  const { engine, before, manifest } = await lost(t)
  const { plan, warnings } = await engine.apply(manifest)
  t.match(plan.tables, { 's.orders': { create: 2000 }, 's.lines': { create: 9000 } })
  t.same(warnings, [])
  t.same(await dump(engine, ...tables), before)
  const [next] = await engine.sql(`INSERT INTO s.orders (note) VALUES ('next') RETURNING id`)
  t.equal(next!['id'], '2001')
  await t.rejects(
    engine.sql(`INSERT INTO s.lines (order_id) VALUES (-1)`),
    /foreign key/,
    'constraints are on again',
  )
})

t.test(
  'triggers are switched off for foreign keys alone, and only where one check can stand for all',
  async (t) => {
    const cases: [string, string, [string, string[]][], boolean][] = [
      [
        'as they are',
        '',
        [
          ['s.orders', ['orders_customer_fkey']],
          ['s.lines', ['lines_order_id_fkey']],
        ],
        true,
      ],
      [
        'a trigger of the application',
        `CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER g BEFORE INSERT ON s.lines FOR EACH ROW EXECUTE FUNCTION s.f()`,
        [['s.orders', ['orders_customer_fkey']]],
        false,
      ],
      [
        'a rule',
        `CREATE RULE r AS ON INSERT TO s.orders DO ALSO NOTIFY x`,
        [['s.lines', ['lines_order_id_fkey']]],
        false,
      ],
      [
        'a key whose equality is not PostgreSQL’s own',
        `CREATE TABLE s.p (k text PRIMARY KEY); ALTER TABLE s.orders ADD FOREIGN KEY (note) REFERENCES s.p NOT VALID`,
        [['s.lines', ['lines_order_id_fkey']]],
        true,
      ],
      [
        'a constraint that is checked later',
        `ALTER TABLE s.lines ADD UNIQUE (amount) DEFERRABLE`,
        [['s.orders', ['orders_customer_fkey']]],
        true,
      ],
      [
        'a constraint that is switched off',
        `ALTER TABLE s.lines DISABLE TRIGGER ALL`,
        [['s.orders', ['orders_customer_fkey']]],
        true,
      ],
      [
        'a key that is matched in full',
        `ALTER TABLE s.orders DROP CONSTRAINT orders_customer_fkey, ADD FOREIGN KEY (customer) REFERENCES s.customers MATCH FULL`,
        [['s.lines', ['lines_order_id_fkey']]],
        true,
      ],
      [
        'a table in parts that is pointed at',
        `CREATE TABLE s.p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE s.p1 PARTITION OF s.p DEFAULT; INSERT INTO s.p SELECT * FROM s.customers;
       ALTER TABLE s.orders DROP CONSTRAINT orders_customer_fkey, ADD FOREIGN KEY (customer) REFERENCES s.p`,
        [['s.lines', ['lines_order_id_fkey']]],
        true,
      ],
      [
        'a column that the insert doesn’t bring',
        `ALTER TABLE s.orders ADD COLUMN added int NOT NULL DEFAULT 1 REFERENCES s.customers`,
        [['s.lines', ['lines_order_id_fkey']]],
        true,
      ],
    ]
    for (const [name, change, keys, counted] of cases) {
      const engine = await testEngine(t, ordersSchema, orders)
      // After the dataset was read, and after the transaction's instant: neither knows of it.
      const { open } = await staged(t, engine)
      await engine.sql(change)
      const bulk = await open()
      t.same(named(bulk), keys, `${name}: foreign keys that are checked in one go`)
      t.equal(bulk.counted, counted, `${name}: ${counted ? 'counting is enough' : 'rows are read again'}`)
    }
  },
)

t.test('nobody can change the tables any more once they were looked at', async (t) => {
  const engine = await testEngine(t, ordersSchema, orders)
  const { open } = await staged(t, engine)
  await open()
  for (const change of [
    'ALTER TABLE s.lines ADD CHECK (true)',
    'CREATE TRIGGER g BEFORE INSERT ON s.orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
  ])
    await t.rejects(engine.sql(`SET lock_timeout = 100; ${change}`), /lock timeout/)
})

t.test('few rows, rows that change, late columns: one by one, and read again', async (t) => {
  const engine = await testEngine(t, ordersSchema, orders)
  const { client, stages, late, open } = await staged(t, engine)
  const source = openSource('app', engine.url)
  t.teardown(() => source.end())
  const few = await openBulk(client, source, stages, 9_999, late)
  t.same([named(few), few.counted], [[], false])
  stages[0]!.staged.add('u')
  t.equal((await open()).counted, false)
  stages[0]!.staged.delete('u')
  late.get(stages[0]!)!.add(stages[0]!.columns.find(({ name }) => name === 'customer')!)
  const without = await open()
  t.same([named(without), without.counted], [[['s.lines', ['lines_order_id_fkey']]], false])
})

t.test('a row that points at nothing is found, and what is pointed at stays', async (t) => {
  const engine = await testEngine(t, ordersSchema, orders)
  const { client, stages, open } = await staged(t, engine)
  const bulk = await open()
  const [ordersStage] = stages as [Stage]
  const stage = (customer: number) =>
    client.query(
      `INSERT INTO ${ordersStage.table} ("holdfast:op", id, customer) VALUES ('c', ${customer}, ${customer})`,
    )
  await stage(3)
  await stage(4)
  await checkKeys(client, bulk)
  for (const gone of ['DELETE FROM s.customers WHERE id = 4', 'UPDATE s.customers SET id = 44 WHERE id = 4'])
    await t.rejects(engine.sql(`SET lock_timeout = 100; ${gone}`), /lock timeout/)
  await stage(77)
  await t.rejects(checkKeys(client, bulk), {
    code: 'RESTORE_NOT_PROVEN',
    message: /of 3 rows .*s\.customers, 1 are not there/,
  })
})

t.test('a restore whose foreign keys don’t hold takes everything back', async (t) => {
  const { engine, manifest } = await lost(t)
  await engine.sql(
    'ALTER TABLE s.orders DROP CONSTRAINT orders_customer_fkey; DELETE FROM s.customers WHERE id = 5',
  )
  await engine.reload()
  // Comes back while the dataset, read before, knows nothing of it: only what is looked at under the lock does.
  await engine.sql('ALTER TABLE s.orders ADD FOREIGN KEY (customer) REFERENCES s.customers NOT VALID')
  await t.rejects(engine.apply(manifest), { code: 'RESTORE_NOT_PROVEN' })
  t.same(await dump(engine, ...tables), { 's.orders': [], 's.lines': [] })
})

t.test('what a trigger makes of many rows is still seen, and one that lets none in', async (t) => {
  const { engine, manifest } = await lost(t)
  await engine.sql(`CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.amount := 0; RETURN NEW; END';
    CREATE TRIGGER g BEFORE INSERT ON s.lines FOR EACH ROW EXECUTE FUNCTION s.f()`)
  const { warnings } = await engine.apply(manifest)
  t.match(warnings, [{ code: 'ALTERED_BY_TRIGGER', table: 's.lines' }])
  await engine.sql(
    `TRUNCATE s.orders, s.lines; CREATE OR REPLACE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
  )
  await t.rejects(engine.apply(manifest), { code: 'RESTORE_NOT_PROVEN' })
})

t.test('a role that may not switch triggers off restores as well, foreign keys one by one', async (t) => {
  const { engine, before, manifest } = await lost(t)
  const role = `writer_${randomBytes(4).toString('hex')}`
  await sql(
    engine.url,
    `CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA s TO ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA s TO ${role};
     GRANT ALL ON ALL SEQUENCES IN SCHEMA s TO ${role}`,
  )
  t.teardown(() => sql(engine.url, `DROP OWNED BY ${role}; DROP ROLE ${role}`))
  const url = Object.assign(new URL(engine.url), { username: role, password: 'secret' }).href
  const bulk = await (await staged(t, engine, url)).open()
  t.same([named(bulk), bulk.counted], [[], true])
  const parameter = 'PARAMETER session_replication_role'
  await sql(engine.url, `GRANT SET ON ${parameter} TO ${role}`)
  t.equal(
    named(await (await staged(t, engine, url)).open()).length,
    2,
    'with that right it does as a superuser does',
  )
  await sql(engine.url, `REVOKE SET ON ${parameter} FROM ${role}`)
  await sql(engine.url, `REVOKE UPDATE ON s.lines FROM ${role}`)
  const unlocked = await (await staged(t, engine, url)).open()
  t.same([named(unlocked), unlocked.counted], [[], false])
  await sql(engine.url, `GRANT UPDATE ON s.lines TO ${role}`)
  const source = openSource('app', url)
  t.teardown(() => source.end())
  await engine.apply(manifest, { source })
  t.same(await dump(engine, ...tables), before)
})
