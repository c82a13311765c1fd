import t from 'tap'
import type { Declaration } from '../../src/datasets/definition.ts'
import { captureRecords } from '../../src/snapshots/capture.ts'
import { withSharedSnapshot } from '../../src/source/shared-snapshot.ts'
import { testEngine } from '../support/engine.ts'

const accounts: Declaration = {
  dataset: 'accounts',
  records: {
    table: 's.accounts',
    children: [
      { table: 's.bookings', as: 'bookings' },
      { table: 's.pots', as: 'pots', children: [{ table: 's.coins', as: 'coins' }] },
    ],
  },
}

/** Pots and coins whose ids run against their accounts' order, rows without children, and one account with many. */
const schema = `CREATE SCHEMA s;
  CREATE TABLE s.accounts (id int PRIMARY KEY, balance int NOT NULL);
  CREATE TABLE s.bookings (id bigint PRIMARY KEY, account_id int NOT NULL REFERENCES s.accounts, amount int NOT NULL);
  CREATE TABLE s.pots (id int PRIMARY KEY, account_id int NOT NULL REFERENCES s.accounts);
  CREATE TABLE s.coins (id int PRIMARY KEY, pot_id int NOT NULL REFERENCES s.pots);
  INSERT INTO s.accounts SELECT i, 100 FROM generate_series(1, 300) i;
  INSERT INTO s.bookings SELECT i, 1 + i * 7 % 200, i FROM generate_series(1, 5000) i;
  INSERT INTO s.pots SELECT i, 301 - i FROM generate_series(1, 250) i;
  INSERT INTO s.coins SELECT i, 251 - (1 + i % 250) FROM generate_series(1, 2000) i;`

t.test('every row is in its record once, in order, by our own count', async (t) => {
  const engine = await testEngine(t, schema, accounts)
  const [expected] = await engine.sql(
    `SELECT json_agg(json_build_object('id', a.id, 'balance', a.balance,
       'bookings', (SELECT coalesce(json_agg(json_build_object('id', b.id::text, 'amount', b.amount) ORDER BY b.id), '[]') FROM s.bookings b WHERE b.account_id = a.id),
       'pots', (SELECT coalesce(json_agg(json_build_object('id', p.id,
          'coins', (SELECT coalesce(json_agg(json_build_object('id', c.id) ORDER BY c.id), '[]') FROM s.coins c WHERE c.pot_id = p.id)) ORDER BY p.id), '[]')
          FROM s.pots p WHERE p.account_id = a.id)) ORDER BY a.id) AS records FROM s.accounts a`,
  )
  const records: unknown[] = []
  await withSharedSnapshot(engine.source, async (_client, instant) => {
    for await (const batch of captureRecords(instant, engine.dataset, null))
      records.push(...batch.map(({ json }) => JSON.parse(json.toString()) as unknown))
  })
  t.same(records, expected!.records)
})

t.test('one instant over all tables: the sum holds while money moves', async (t) => {
  const engine = await testEngine(t, schema, accounts)
  let moving = true
  const writer = (async () => {
    for (let i = 0; moving; i++)
      await engine.sql(`BEGIN; UPDATE s.accounts SET balance = balance - 1 WHERE id = ${1 + (i % 300)};
        INSERT INTO s.bookings VALUES (${10_000 + i}, ${1 + ((i * 31) % 300)}, 1); COMMIT`)
  })()
  for (let i = 0; i < 10; i++) {
    let sum = 0
    await withSharedSnapshot(engine.source, async (_client, instant) => {
      for await (const batch of captureRecords(instant, engine.dataset, null)) {
        for (const { json } of batch) {
          const record = JSON.parse(json.toString()) as { balance: number; bookings: { amount: number }[] }
          sum += record.balance + record.bookings.reduce((total, { amount }) => total + amount, 0)
        }
      }
    })
    t.equal(sum, 300 * 100 + (5000 * 5001) / 2, `snapshot ${i}`)
  }
  moving = false
  await writer
})

t.test('given up in the middle: nothing hangs, and the source is left alone', async (t) => {
  const engine = await testEngine(
    t,
    `${schema} INSERT INTO s.bookings SELECT i, 1 + i % 300, i FROM generate_series(5001, 300000) i;`,
    accounts,
  )
  await withSharedSnapshot(engine.source, async (_client, instant) => {
    for await (const batch of captureRecords(instant, engine.dataset, null)) {
      t.ok(batch.length > 0)
      break
    }
  })
  t.match(await engine.plan(await engine.take()), { operations: { create: 0, update: 0, delete: 0 } })
})

t.test('a row that belongs to no record stops the snapshot rather than being left out', async (t) => {
  const engine = await testEngine(t, schema, accounts)
  // Told of a foreign key that is not there, the capture reads the child's table alone.
  await engine.sql(
    'ALTER TABLE s.bookings DROP CONSTRAINT bookings_account_id_fkey; DELETE FROM s.accounts WHERE id = 10',
  )
  await t.rejects(engine.take(), /left without their record/)
  await engine.reload({
    ...accounts,
    records: {
      ...accounts.records,
      children: [{ table: 's.bookings', as: 'bookings', parent: 'account_id' }],
    },
  })
  t.ok(
    (await engine.take()).bytes > 0,
    'known to be without it, it joins, and such rows are no part of any record',
  )
})

t.test('a foreign key that rows needn’t keep to doesn’t stand for their parents', async (t) => {
  const engine = await testEngine(t, schema, accounts)
  await engine.sql(
    `ALTER TABLE s.bookings DROP CONSTRAINT bookings_account_id_fkey; DELETE FROM s.bookings WHERE account_id = 10;
    INSERT INTO s.bookings VALUES (9999, 999, 1);
    ALTER TABLE s.bookings ADD FOREIGN KEY (account_id) REFERENCES s.accounts NOT VALID`,
  )
  await engine.reload()
  const [{ n }] = (await engine.sql('SELECT count(*)::int AS n FROM s.bookings')) as [{ n: number }]
  const { counts } = await engine.take()
  t.equal(counts['s.bookings'], n - 1, 'the row without an account is part of no record')
})
