import t from 'tap'
import { readStats } from '../../src/snapshots/stats.ts'
import { load, valid, worldOf } from '../datasets/fixtures.ts'
import { sql } from '../support/postgres.ts'

t.test('declared figures over a scope', async (t) => {
  const { catalog, source, url } = await worldOf(
    t,
    `CREATE TYPE state AS ENUM ('open', 'it''s "done"');
     CREATE TABLE kind (id int PRIMARY KEY, name text NOT NULL UNIQUE);
     CREATE TABLE parent (id int PRIMARY KEY, flag boolean);
     CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent, kind int REFERENCES kind, state state, size bigint, amount numeric, at date);`,
  )
  await sql(
    url,
    `INSERT INTO kind VALUES (1, 'a'), (2, 'b'); INSERT INTO parent VALUES (1, true), (2, false), (3, NULL);
     INSERT INTO child VALUES (1, 1, 1, 'open', 9007199254740993, 0.10, '2026-01-01'), (2, 1, 2, 'it''s "done"', 1, 0.20, NULL),
       (3, 2, NULL, NULL, NULL, NULL, '2026-01-01');`,
  )
  const dataset = valid(
    load(
      `dataset: x
records:
  table: public.parent
  children:
    - { table: public.child, references: { kind: { table: public.kind, key: name, missing: 'null' } } }
stats:
  records: { count: records }
  flagged: { count: records, where: { flag: true } }
  children: { count: child }
  bytes: { sum: child.size }
  amount: { sum: child.amount }
  open: { count: child, where: { state: open, kind: { set: true } } }
  done: { count: child, where: { state: { in: ['it''s "done"', 'never heard of'] } } }
  typo: { count: child, where: { state: oppen } }
  day: { count: child, where: { at: { equals: '2026-01-01' } } }
  byKind: { count: child, by: kind }
  byState: { sum: child.amount, by: state }`,
      catalog,
    ),
  )
  const figures = (condition: string | null) =>
    source.withConnection((client) => readStats(client, dataset, condition))
  t.same(await figures(null), {
    records: 3,
    flagged: 1,
    children: 3,
    bytes: '9007199254740994',
    amount: '0.30',
    open: 1,
    done: 1,
    typo: 0,
    day: 2,
    byKind: { '(none)': 1, a: 1, b: 1 },
    byState: { '(none)': 0, open: '0.10', 'it\'s "done"': '0.20' },
  })
  t.match(await figures('t0.id = 2'), {
    records: 1,
    flagged: 0,
    children: 1,
    bytes: 0,
    byKind: { '(none)': 1 },
  })
})
