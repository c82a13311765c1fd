import t from 'tap'
import type { Test } from 'tap'
import type { Catalog, Table } from '../../src/source/catalog.ts'
import { openSource } from '../../src/source/connect.ts'
import { readCatalog } from '../../src/source/read-catalog.ts'
import { sql, testDatabase } from '../support/postgres.ts'

async function catalogOf(t: Test, schema: string): Promise<{ catalog: Catalog; url: string }> {
  const url = await testDatabase(t)
  await sql(url, schema)
  const source = openSource('app', url)
  t.teardown(() => source.end())
  return { catalog: await source.withConnection(readCatalog), url }
}

function tableOf(catalog: Catalog, name: string): Table {
  const table = catalog.tables.get(name)
  if (table === undefined) throw new Error(`${name} was not read`)
  return table
}

function columnOf(catalog: Catalog, name: string, column: string) {
  return tableOf(catalog, name).columns.find((c) => c.name === column)
}

t.test('tables, keys and columns are read as the catalog has them', async (t) => {
  const { catalog } = await catalogOf(
    t,
    `CREATE SCHEMA "My ""Schema";
     CREATE DOMAIN slug AS text NOT NULL;
     CREATE TABLE owner (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug slug UNIQUE DEFERRABLE,
       partial text, expression text, serial serial, size int DEFAULT 1 + 1, twice int GENERATED ALWAYS AS (size * 2) STORED);
     CREATE UNIQUE INDEX ON owner (partial) WHERE partial > 'a';
     CREATE UNIQUE INDEX ON owner (lower(expression));
     CREATE UNIQUE INDEX ON owner (size, serial) INCLUDE (partial);
     CREATE TABLE "My ""Schema"."Line; DROP" ("a b" bigint REFERENCES owner ON DELETE SET NULL DEFERRABLE, n int,
       dropped int, PRIMARY KEY (n, "a b"));
     ALTER TABLE "My ""Schema"."Line; DROP" DROP COLUMN dropped;
     CREATE VIEW looking AS SELECT 1 AS one; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
     CREATE TEMP TABLE passing (a int);`,
  )
  t.same([...catalog.tables.keys()].sort(), ['My "Schema.Line; DROP', 'public.owner'])
  t.equal(catalog.others.get('public.looking'), 'view')
  t.equal(catalog.others.get('public.kept'), 'materialized view')
  t.equal(catalog.encoding, 'UTF8')

  const owner = tableOf(catalog, 'public.owner')
  t.same(owner.primaryKey, ['id'])
  t.same(owner.uniqueKeys, [['id'], ['slug'], ['size', 'serial']], 'neither partial nor expression indexes')
  t.match(columnOf(catalog, 'public.owner', 'id'), {
    type: 'bigint',
    identity: 'always',
    default: "nextval('public.owner_id_seq'::regclass)",
    notNull: true,
    encoding: 'text',
    keyOrder: 'integer',
  })
  t.match(columnOf(catalog, 'public.owner', 'slug'), { type: 'public.slug', baseType: 'text', notNull: true })
  t.match(columnOf(catalog, 'public.owner', 'serial'), {
    default: "nextval('public.owner_serial_seq'::regclass)",
  })
  t.match(columnOf(catalog, 'public.owner', 'size'), { default: '(1 + 1)', generated: false })
  t.match(columnOf(catalog, 'public.owner', 'twice'), { default: null, generated: true })

  const lines = tableOf(catalog, 'My "Schema.Line; DROP')
  t.same(lines.primaryKey, ['n', 'a b'])
  t.match(lines.foreignKeys, [
    {
      columns: ['a b'],
      references: { name: 'owner' },
      referencedColumns: ['id'],
      onDelete: 'set null',
      deferrable: true,
    },
  ])
  t.same(owner.referencedBy, lines.foreignKeys)
})

t.test('partitions, inheritance and row-level security are told apart', async (t) => {
  const { catalog } = await catalogOf(
    t,
    `CREATE TABLE target (id int PRIMARY KEY);
     CREATE TABLE event (id int, at date, target int REFERENCES target, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
     CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
     CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
     CREATE TABLE line (id int PRIMARY KEY, event int, at date, FOREIGN KEY (event, at) REFERENCES event);
     INSERT INTO event SELECT n, '2024-06-01' FROM generate_series(1, 5000) n; ANALYZE event_1;
     CREATE TABLE base (id int); CREATE TABLE derived () INHERITS (base);
     CREATE TABLE hidden (id int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
     ALTER TABLE hidden FORCE ROW LEVEL SECURITY;`,
  )
  const event = tableOf(catalog, 'public.event')
  t.match(event, { kind: 'partitioned', partition: false, primaryKey: ['id', 'at'] })
  t.ok(event.estimatedRows >= 5000, 'rows of a partitioned table are those of its partitions')
  t.match(tableOf(catalog, 'public.event_1'), { kind: 'table', partition: true, foreignKeys: [] })
  t.equal(
    tableOf(catalog, 'public.target').referencedBy.length,
    1,
    'one foreign key, however many partitions',
  )
  t.equal(tableOf(catalog, 'public.line').foreignKeys.length, 1)
  t.equal(event.referencedBy.length, 1)
  t.equal(tableOf(catalog, 'public.base').inherited, true)
  t.equal(tableOf(catalog, 'public.derived').inherited, false)
  t.equal(tableOf(catalog, 'public.hidden').rowSecurity, false, 'a superuser passes every policy')
})

t.test('row-level security shows when it would apply to the role', async (t) => {
  const { catalog, url } = await catalogOf(
    t,
    `CREATE TABLE hidden (id int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;`,
  )
  t.equal(tableOf(catalog, 'public.hidden').rowSecurity, false)
  const role = `reader_${new URL(url).pathname.slice(3)}`
  await sql(url, `CREATE ROLE ${role} LOGIN PASSWORD 'reader'; GRANT SELECT ON hidden TO ${role}`)
  t.teardown(() => sql(url, `DROP OWNED BY ${role}; DROP ROLE ${role}`))
  const asReader = new URL(url)
  asReader.username = role
  asReader.password = 'reader'
  const source = openSource('app', asReader.href)
  t.teardown(() => source.end())
  const seen = await source.withConnection(readCatalog)
  t.equal(tableOf(seen, 'public.hidden').rowSecurity, true)
  await t.rejects(
    source.withConnection((client) => client.query('SELECT * FROM public.hidden')),
    { code: 'SOURCE_PERMISSION_MISSING', message: /BYPASSRLS/ },
    'an error rather than rows left out',
  )
})

t.test('a type that can not come back is refused wherever it hides', async (t) => {
  const { catalog } = await catalogOf(
    t,
    `CREATE TYPE inner_type AS (a int, tree pg_node_tree); CREATE TYPE outer_type AS (i inner_type[]);
     CREATE DOMAIN wrapped AS pg_ndistinct;
     CREATE TABLE wide (id int PRIMARY KEY);
     CREATE TYPE of_row AS (r wide);
     CREATE TABLE refusing (id int PRIMARY KEY, direct pg_mcv_list, composite outer_type, composites outer_type[],
       domain wrapped, domains wrapped[], xmls xml[], proc regproc, fine of_row, self int[]);`,
  )
  const refusals = tableOf(catalog, 'public.refusing').columns.map(({ name, refusal }) => [name, refusal])
  t.match(Object.fromEntries(refusals), {
    id: null,
    direct: /pg_mcv_list/,
    composite: /pg_node_tree/,
    composites: /pg_node_tree/,
    domain: /pg_ndistinct/,
    domains: /pg_ndistinct/,
    xmls: /declaration/,
    proc: /regprocedure/,
    fine: null,
    self: null,
  })
})

t.test('hundreds of tables are read in a moment', async (t) => {
  const { url } = await catalogOf(t, 'SELECT 1')
  for (let batch = 0; batch < 3; batch++) {
    await sql(
      url,
      `DO $$ BEGIN FOR n IN ${batch * 200}..${batch * 200 + 199} LOOP
         EXECUTE format('CREATE TABLE wide_%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text, b int DEFAULT 1, c jsonb,
           parent bigint%s)', n, CASE WHEN n % 200 = 0 THEN '' ELSE ' REFERENCES wide_' || n - 1 END); END LOOP; END $$`,
    )
  }
  const source = openSource('app', url)
  t.teardown(() => source.end())
  const start = performance.now()
  const catalog = await source.withConnection(readCatalog)
  const took = performance.now() - start
  t.equal(catalog.tables.size, 600)
  t.ok(took < 2000, `600 tables in ${Math.round(took)} ms`)
})
