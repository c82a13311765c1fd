import t from 'tap'
import { proposeDataset } from '../../src/datasets/propose.ts'
import { examples, exampleSchema, load, valid, worldOf } from './fixtures.ts'

const nasty = `
  CREATE SCHEMA "Odd Schema"; CREATE SCHEMA second;
  CREATE EXTENSION citext;
  CREATE TYPE holder AS (tree pg_node_tree);
  CREATE TABLE "Odd Schema"."Users: all" ("User Id" serial PRIMARY KEY, "E-Mail" citext NOT NULL UNIQUE, "createdAt" timestamptz NOT NULL DEFAULT now(),
    "isProtected" boolean, manager int REFERENCES "Odd Schema"."Users: all", broken pg_node_tree, "#hash" text, "it's: \\{odd\\}" text);
  CREATE TABLE teams (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, "lead" int REFERENCES "Odd Schema"."Users: all");
  CREATE TABLE members (team int REFERENCES teams ON DELETE CASCADE, "user" int REFERENCES "Odd Schema"."Users: all" ON DELETE CASCADE, role text, PRIMARY KEY (team, "user"));
  CREATE TABLE tenants (tenant uuid PRIMARY KEY);
  CREATE TABLE accounts (tenant uuid REFERENCES tenants, id int, code varchar(10) NOT NULL, parent int, PRIMARY KEY (tenant, id), UNIQUE (tenant, code),
    FOREIGN KEY (tenant, parent) REFERENCES accounts);
  CREATE TABLE entries (tenant uuid, account int, line int, other int, amount numeric, PRIMARY KEY (tenant, account, line),
    FOREIGN KEY (tenant, account) REFERENCES accounts ON DELETE CASCADE, FOREIGN KEY (tenant, other) REFERENCES accounts);
  CREATE TABLE chickens (id int PRIMARY KEY, first_egg int); CREATE TABLE eggs (id int PRIMARY KEY, chicken int NOT NULL REFERENCES chickens);
  ALTER TABLE chickens ADD FOREIGN KEY (first_egg) REFERENCES eggs;
  CREATE TABLE events (id bigint, at timestamptz, team int NOT NULL REFERENCES teams, payload jsonb, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE event_notes (event bigint, at timestamptz, note text, PRIMARY KEY (event, at), FOREIGN KEY (event, at) REFERENCES events);
  CREATE TABLE second.members (id int PRIMARY KEY, team int NOT NULL REFERENCES teams);
  CREATE TABLE profile (team int PRIMARY KEY REFERENCES teams, name text);
  CREATE TABLE without_key (team int NOT NULL REFERENCES teams, text text);
  CREATE TABLE keyed (code text NOT NULL UNIQUE, team int REFERENCES teams);
  CREATE TABLE hopeless (id int PRIMARY KEY, bad holder NOT NULL, team int NOT NULL REFERENCES teams);
  CREATE TABLE generated (id int PRIMARY KEY, team int NOT NULL, team_copy int GENERATED ALWAYS AS (team) STORED REFERENCES teams, name text);
  CREATE TABLE strange_key (id pg_lsn PRIMARY KEY, next pg_lsn REFERENCES strange_key, at date);
  CREATE TABLE nullable_target (id int PRIMARY KEY, alias text UNIQUE); CREATE TABLE by_alias (id int PRIMARY KEY, alias text REFERENCES nullable_target (alias));
  CREATE TABLE twice (id int PRIMARY KEY, a int NOT NULL REFERENCES teams, b int NOT NULL REFERENCES teams ON DELETE CASCADE);
  CREATE TABLE name (id int PRIMARY KEY, team int NOT NULL REFERENCES teams);
  CREATE TABLE inheriting (id int PRIMARY KEY); CREATE TABLE inherited_from () INHERITS (inheriting);
  CREATE TABLE depth_0 (id int PRIMARY KEY);
  ${Array.from({ length: 9 }, (_, i) => `CREATE TABLE depth_${i + 1} (id int PRIMARY KEY, up int NOT NULL REFERENCES depth_${i});`).join('\n')}
`

t.test('every table of the examples and of a nasty schema gives a draft that loads', async (t) => {
  const { catalog } = await worldOf(t, [...examples.map(exampleSchema), nasty].join('\n'))
  const refused = new Map([
    ['public.events_2024', /partition/],
    ['public.without_key', /no primary key/],
    ['public.hopeless', /pg_node_tree/],
    ['public.inheriting', /INHERITS/],
    ['public.inherited_from', /no primary key/],
  ])
  const drafts = new Map<string, string>()
  for (const name of catalog.tables.keys()) {
    try {
      const { yaml } = proposeDataset(catalog, name, { source: 'app' })
      drafts.set(name, yaml)
      t.notOk(refused.has(name), `${name} was expected to be refused`)
      const dataset = load(yaml, catalog)
      t.notOk(Array.isArray(dataset), `${name} loads as it is`, { dataset, yaml })
    } catch (error) {
      const reason = refused.get(name)
      if (reason === undefined) throw error
      t.match(error, { code: 'TABLE_NOT_PROPOSABLE', status: 422, message: reason }, name)
    }
  }
  t.equal(drafts.size + refused.size, catalog.tables.size)

  const commentsOf = (name: string) => drafts.get(name)!.replace(/\n\s*#\s+(?!-)/g, ' ')
  const draftOf = (name: string) => valid(load(drafts.get(name)!, catalog)).root
  const users = draftOf('Odd Schema.Users: all')
  t.match(users, {
    label: { name: 'E-Mail' },
    dates: { name: 'createdAt' },
    protect: { name: 'isProtected' },
    omitted: [{ name: 'broken' }],
  })
  t.match(
    users.references,
    [{ columns: [{ name: 'manager' }], within: true, missing: 'null' }],
    'a self-reference',
  )
  t.match(
    commentsOf('Odd Schema.Users: all'),
    /# .*"broken" is left out: PostgreSQL prints type pg_node_tree/,
  )
  t.match(commentsOf('Odd Schema.Users: all'), /# - public.teams points here by lead, which may be NULL/)

  const teams = draftOf('public.teams')
  const members = teams.children.find(({ name }) => name === 'public.members')!
  t.match(
    members.references,
    [{ columns: [{ name: 'user' }], key: [{ name: 'E-Mail' }], missing: 'skip' }],
    'many-to-many by the natural key',
  )
  t.match(commentsOf('public.teams'), /many-to-many/)
  t.match(commentsOf('public.teams'), /public.without_key points here too, but was left out:.*no primary key/)
  t.match(commentsOf('public.teams'), /public.hopeless points here too, but was left out:.*pg_node_tree/)
  t.ok(
    teams.children.some(({ name }) => name === 'public.events'),
    'a partitioned table, once',
  )
  t.notOk(teams.children.some(({ name }) => name === 'public.events_2024'))
  t.match(teams.children.find(({ name }) => name === 'public.events')!.children, [
    { name: 'public.event_notes', key: [] },
  ])
  t.match(
    teams.children.find(({ name }) => name === 'public.profile'),
    { key: [] },
    'one row each',
  )
  t.match(
    teams.children.find(({ name }) => name === 'second.members'),
    { as: 'second_members' },
    'a name of its own',
  )
  t.match(
    teams.children.find(({ name }) => name === 'public.name'),
    { as: 'public_name' },
    "not the parent's column",
  )
  t.match(
    teams.children.find(({ name }) => name === 'public.twice'),
    { parent: { columns: [{ name: 'b' }] }, references: [{ columns: [{ name: 'a' }], within: true }] },
  )

  t.match(
    draftOf('public.accounts'),
    {
      references: [{ columns: [{ name: 'parent' }, { name: 'tenant' }], within: true }],
      children: [
        { name: 'public.entries', references: [{ columns: [{ name: 'other' }, { name: 'tenant' }] }] },
      ],
    },
    'composite keys',
  )
  t.match(
    draftOf('public.chickens'),
    { references: [{ within: true, missing: 'null' }], children: [{ name: 'public.eggs' }] },
    'a cycle',
  )
  t.match(draftOf('public.keyed'), { key: [{ name: 'code' }] }, 'a unique key stands in')
  t.match(
    draftOf('legacy_import.sessions')
      .children.map(({ as }) => as)
      .sort(),
    ['batches', 'categories', 'documents'],
  )
  t.match(commentsOf('public.depth_0'), /large enough already/)
})

t.test('names', async (t) => {
  const { catalog } = await worldOf(
    t,
    'CREATE SCHEMA x; CREATE TABLE x."Order Lines" (id int PRIMARY KEY); CREATE TABLE x."1€" (id int PRIMARY KEY); CREATE TABLE x.orders (id int PRIMARY KEY)',
  )
  const propose = (name: string, taken: string[] = []) =>
    proposeDataset(catalog, name, { source: 'app', taken }).name
  t.equal(propose('x.Order Lines'), 'order-lines')
  t.equal(propose('x.Order Lines', ['order-lines']), 'x-order-lines')
  t.equal(propose('x.Order Lines', ['order-lines', 'x-order-lines']), 'order-lines-2')
  t.equal(propose('x.1€'), 'records')
  t.match(proposeDataset(catalog, 'x.orders', { source: 'other' }).yaml, /source: other/)
  for (const name of ['x.order', 'pg_catalog.pg_class', 'x.orders; DROP TABLE x.orders']) {
    t.throws(() => propose(name), /./, name)
  }
})
