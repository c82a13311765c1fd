import t from 'tap'
import { load, valid, worldOf } from './fixtures.ts'

const schema = `
  CREATE SCHEMA shop; CREATE SCHEMA other;
  CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, nick text UNIQUE,
    name text NOT NULL, vip boolean NOT NULL DEFAULT false, joined timestamptz NOT NULL DEFAULT now(), born date,
    parent_id bigint REFERENCES shop.customers, tree pg_node_tree, upper_name text GENERATED ALWAYS AS (upper(name)) STORED);
  CREATE UNIQUE INDEX ON shop.customers (name) WHERE vip;
  CREATE TABLE shop.addresses (customer_id bigint PRIMARY KEY REFERENCES shop.customers, street text NOT NULL);
  CREATE TABLE shop.products (id serial PRIMARY KEY, sku text NOT NULL UNIQUE, title text);
  CREATE TABLE shop.orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer_id bigint NOT NULL REFERENCES shop.customers,
    referrer_id bigint REFERENCES shop.customers, number int NOT NULL, note text, payload json, total money, favourite int,
    UNIQUE (customer_id, number));
  CREATE TABLE shop.lines (order_id uuid NOT NULL REFERENCES shop.orders, line int NOT NULL, product_id int NOT NULL REFERENCES shop.products,
    quantity numeric, PRIMARY KEY (order_id, line));
  CREATE TABLE shop.visits (customer_id bigint, at timestamptz);
  CREATE TABLE shop.notes (id int PRIMARY KEY, customer_id bigint, loose text);
  CREATE TABLE shop.tenants (tenant int, id int, slug text NOT NULL, PRIMARY KEY (tenant, id), UNIQUE (tenant, slug));
  CREATE TABLE shop.base (id int PRIMARY KEY); CREATE TABLE shop.derived () INHERITS (shop.base);
  CREATE TABLE shop.events (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE shop.events_1 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE VIEW shop.everyone AS SELECT * FROM shop.customers;
  CREATE TABLE other.customers (id int PRIMARY KEY);
  CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE TABLE other.paths (path ltree PRIMARY KEY);
  CREATE TABLE other.tags (name citext PRIMARY KEY); CREATE TABLE other.tagged (id int PRIMARY KEY, tag citext REFERENCES other.tags, ids jsonpath);
`
const { catalog } = await worldOf(t, schema)
const header = 'dataset: test\nrecords:\n'

t.test('what is wrong is told with its line and the mend', async (t) => {
  const cases: [string, string, RegExp[]][] = [
    [
      'a table that is not there',
      '  table: shop.custmers',
      [/^test.yaml:3: records.table: .*did you mean "shop.customers"/],
    ],
    ['no schema', '  table: customers', [/schema.table; did you mean/]],
    ['a system table', '  table: pg_catalog.pg_authid', [/system table/]],
    ['another one', '  table: information_schema.tables', [/system table/]],
    ['a view', '  table: shop.everyone', [/is a view/]],
    ['SQL in a name', "  table: 'shop.customers; DROP TABLE shop.customers'", [/is not a table/]],
    ['inheritance', '  table: shop.base', [/INHERITS/]],
    ['a partition', '  table: shop.events_1', [/partition/]],
    ['no primary key', '  table: shop.visits', [/no primary key; name a unique `key`/]],
    [
      'a key that may be NULL',
      '  table: shop.customers\n  omit: [tree]\n  key: nick',
      [/:5: records.key: "nick" may be NULL/],
    ],
    [
      'a key unique in part only',
      '  table: shop.customers\n  omit: [tree]\n  key: name',
      [/"name" is not unique .*not partial.*unique are "id", "email"/],
    ],
    [
      'more than a unique key',
      '  table: shop.customers\n  omit: [tree]\n  key: [email, name]',
      [/not unique/],
    ],
    [
      'a missing column',
      '  table: shop.customers\n  omit: [tree]\n  label: nmae',
      [/records.label: "shop.customers" has no column "nmae"; did you mean "name"/],
    ],
    [
      'dates that are none',
      '  table: shop.customers\n  omit: [tree]\n  dates: name',
      [/records.dates: .*type text/],
    ],
    [
      'protect that is no boolean',
      '  table: shop.customers\n  omit: [tree]\n  protect: name',
      [/records.protect: .*boolean/],
    ],
    ['a type that can not come back', '  table: shop.customers', [/column "tree".*pg_node_tree.*`omit`/]],
    [
      'omitting what has no default',
      '  table: shop.customers\n  omit: [tree, name]',
      [/records.omit\[1\]: "name" is NOT NULL and has no default/],
    ],
    ['omitting the key', '  table: shop.customers\n  omit: [tree, id]', [/part of the key/]],
    [
      'an internal id without default',
      '  table: shop.tenants\n  key: [tenant, slug]',
      [/"id" of the primary key .*no default/],
    ],
    [
      'several foreign keys',
      '  table: shop.customers\n  omit: [tree]\n  children:\n    - table: shop.orders',
      [/:6: records.children\[0\]: there are several foreign keys.*"customer_id" or "referrer_id"/],
    ],
    [
      'no foreign key',
      '  table: shop.customers\n  omit: [tree]\n  children:\n    - table: shop.products',
      [/no foreign key.*name the pointing columns with `parent`/],
    ],
    [
      'a parent that does not fit',
      '  table: shop.customers\n  omit: [tree]\n  children:\n    - table: shop.notes\n      parent: loose',
      [/:7: records.children\[0\].parent: .*nor do its types fit/],
    ],
    [
      'a child key that is not unique beside its parent',
      '  table: shop.customers\n  omit: [tree]\n  children:\n    - { table: shop.orders, parent: referrer_id, key: number }',
      [/"number" is not unique in "shop.orders" together with "referrer_id"/],
    ],
    [
      'a table used twice',
      '  table: shop.customers\n  omit: [tree]\n  children:\n    - { table: shop.addresses }\n    - { table: shop.addresses, as: more }',
      [/:7: .*in this dataset already/],
    ],
    [
      'a name that is taken',
      '  table: shop.customers\n  omit: [tree]\n  children:\n    - { table: shop.addresses, as: name }',
      [/children\[0\].as: "name" is the name of another field/],
    ],
    [
      'an order without order',
      '  table: shop.customers\n  omit: [tree]\n  children:\n    - { table: shop.orders, parent: customer_id, order: payload }',
      [/which has no order/],
    ],
    [
      'an order that only shows when rows are read',
      '  table: other.customers\n  children:\n    - { table: other.tagged, parent: id, order: ids }',
      [
        /"ids" is of type jsonpath, which has no order/,
        /"tag" points at "other.tags" and is of type public.citext/,
      ],
    ],
    [
      'rows that point at others whatever the case',
      '  table: other.tags',
      [/"name" is pointed at by "other.tagged" and is of type public.citext/],
    ],
    [
      'a key that only an extension can compare',
      '  table: other.paths',
      [/"path" is of type public.ltree, whose values only its extension can compare/],
    ],
    [
      'references that lead nowhere',
      `  table: shop.customers
  omit: [tree]
  references:
    upper_name: { table: shop.products, key: sku }
    id: { table: shop.products, key: sku }
    name: { table: shop.gone, key: sku }
    born: { table: shop.products, key: sku }
  children:
    - table: shop.orders
      parent: customer_id
      omit: [favourite]
      references:
        favourite: { table: shop.products, key: sku }
        customer_id: { table: shop.customers, key: email }
        referrer_id: { table: shop.customers, key: nick, include: [nothing] }
      children:
        - table: shop.lines
          references:
            product_id: { table: shop.products, key: title, missing: 'null', include: [id] }`,
      [
        /:6: records.references.upper_name: .*generated/,
        /:7: records.references.id: .*own key/,
        /:7: records.references.id: .*has no foreign key/,
        /:8: records.references.name.table: "shop.gone" is not a table/,
        /:9: records.references.born: "born" has no foreign key.*nor does its type fit/,
        /:15: .*favourite: .*left out by `omit`/,
        /:16: .*customer_id: .*points at the parent/,
        /:17: .*referrer_id.include\[0\]: .*no column "nothing"/,
        /:21: .*product_id.key: "title" is no key/,
        /:21: .*product_id.missing: "product_id" is NOT NULL; use skip or fail/,
      ],
    ],
    [
      'pointing at ids that may change',
      '  table: shop.customers\n  key: email\n  omit: [tree]\n  children:\n    - { table: shop.orders, parent: customer_id }',
      [/records: "parent_id" points at "id".*references/, /children\[0\]: "referrer_id" points at "id"/],
    ],
    [
      'a reference by an id that may change',
      '  table: shop.customers\n  key: email\n  omit: [tree]\n  references:\n    parent_id: { table: shop.customers, key: id }',
      [/may be another after a restore.*refer to that/],
    ],
    [
      'policies about what is not there',
      `  table: shop.customers
  omit: [tree]
stats:
  both: { count: records, sum: records.id }
  gone: { count: order }
  words: { sum: records.name }
  what: { sum: nowhere }
  odd: { count: records, where: { joined: 2024, gone: x, name: { in: [a, b] } }, by: nothing }
files: { store: docs, key: nothing, size: name, folder: '{nope}/{record.nope}', cleanupScheduledAt: gone }
parties: { table: records, email: id, role: nothing, permissions: { view: [a] } }
backup: { schedule: 99 2 1 * *, snapshotAt: name }
retention: { records: { age: 1d, schedule: 0 0 30 2 * } }
timezone: Mars/Olympus`,
      [
        /stats.both: .*exactly one/,
        /stats.gone.count: "order" is no table of this dataset.*there are records/,
        /stats.words.sum: .*can't be added up/,
        /stats.what.sum: must be a table and a column/,
        /stats.odd.where.joined: .*only `set`/,
        /stats.odd.where.gone: .*no column/,
        /stats.odd.by: .*no column/,
        /files.key: .*no column/,
        /files.folder: .*no column "nope"/,
        /files.size: .*whole number/,
        /files.cleanupScheduledAt: .*no column "gone"/,
        /backup.snapshotAt: .*an instant is a timestamptz/,
        /backup.snapshotAt: .*must be left out by `omit`/,
        /parties.role: .*no column/,
        /backup.schedule: "99 2 1 \* \*" is no cron: .*range 0-59/,
        /retention.records.schedule: .*is no cron/,
        /timezone: "Mars\/Olympus" is not a time zone/,
      ],
    ],
  ]
  for (const [name, text, expected] of cases) {
    const problems = load(header + text, catalog)
    if (!Array.isArray(problems)) {
      t.fail(`${name}: was accepted`)
      continue
    }
    for (const wanted of expected)
      t.ok(
        problems.some((problem) => wanted.test(problem)),
        `${name}: ${wanted}`,
        { problems },
      )
  }
})

t.test('a table row-level security would hide rows of is refused', async (t) => {
  const table = { ...catalog.tables.get('shop.products')!, rowSecurity: true }
  const hidden = { ...catalog, tables: new Map([['shop.products', table]]) }
  t.match(load(`${header}  table: shop.products`, hidden), [/BYPASSRLS/])
  t.match(load(`${header}  table: shop.products`, { ...catalog, encoding: 'LATIN1' }), [
    /:1: source: .*LATIN1/,
  ])
})

t.test('shapes of real schemas', async (t) => {
  const text = `${header}  table: shop.customers
  key: email
  label: upper_name
  dates: joined
  protect: vip
  omit: [tree]
  references:
    parent_id: { table: shop.customers, key: email, missing: 'null' }
  children:
    - table: shop.addresses
      as: address
    - table: shop.notes
      parent: customer_id
    - table: shop.orders
      parent: customer_id
      key: number
      references:
        referrer_id: { table: shop.customers, key: email, missing: skip }
        favourite: { table: shop.products, key: sku, include: [title], missing: 'null' }
      children:
        - table: shop.lines
          references:
            product_id: { table: shop.products, key: sku }
stats:
  byProduct: { count: orders.lines, by: product_id }
  vips: { count: records, where: { vip: true, nick: { set: false } } }`
  const { root, stats } = valid(load(text, catalog))
  const [address, notes, orders] = root.children
  const lines = orders!.children[0]!
  t.match(root.references, [{ within: true, missing: 'null' }], 'a self-reference')
  t.same(address!.key, [], 'one row at most for each parent needs no key')
  t.match(
    notes!.parent,
    { columns: [{ name: 'customer_id' }], parentColumns: [{ name: 'id' }] },
    'without a foreign key',
  )
  t.same(
    orders!.internal.map(({ name }) => name),
    ['id'],
  )
  t.match(
    orders!.references[1],
    { columns: [{ name: 'favourite' }], referencedColumns: [{ name: 'id' }] },
    'no foreign key',
  )
  t.match(lines.references, [{ missing: 'fail', within: false }])
  t.same(
    lines.key.map(({ name }) => name),
    ['line'],
  )
  t.match(stats[0], { node: { name: 'shop.lines' }, by: { name: 'product_id' } })
  t.match(stats[1]!.where, [{ is: ['true'] }, { is: false }])
})

t.test('composite references and cycles', async (t) => {
  const { catalog } = await worldOf(
    t,
    `CREATE TABLE a (tenant int, id int, code text NOT NULL, favourite int, PRIMARY KEY (tenant, id), UNIQUE (tenant, code));
     CREATE TABLE b (tenant int, a_id int, id int, other int, PRIMARY KEY (tenant, id), FOREIGN KEY (tenant, a_id) REFERENCES a,
       FOREIGN KEY (tenant, other) REFERENCES b);
     ALTER TABLE a ADD FOREIGN KEY (tenant, favourite) REFERENCES b;`,
  )
  const { root } = valid(
    load(
      `${header}  table: public.a
  references:
    favourite: { table: public.b, key: [tenant, id], missing: 'null' }
  children:
    - table: public.b
      references:
        other: { table: public.b, key: [tenant, id], missing: 'null' }`,
      catalog,
    ),
  )
  t.match(root.references, [
    {
      columns: [{ name: 'favourite' }, { name: 'tenant' }],
      referencedColumns: [{ name: 'id' }, { name: 'tenant' }],
      within: true,
    },
  ])
  t.match(root.children[0]!.references, [{ columns: [{ name: 'other' }, { name: 'tenant' }], within: true }])
  t.same(
    root.children[0]!.key.map(({ name }) => name),
    ['id'],
  )
})
