import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { letHeartsStop, until } from '../../torture/place.ts'
import { call, followToEnd, killInstance, startInstance, type Answer } from '../support/instance.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { migratedTemplate } from '../support/templates.ts'

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-fill-kill-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

const schema = `CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
  CREATE TABLE lines (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id bigint NOT NULL REFERENCES orders, amount numeric);
  INSERT INTO orders (note) SELECT repeat(md5(i::text), 20) FROM generate_series(1, 4000) i;
  INSERT INTO lines (order_id, amount) SELECT 1 + i % 4000, i / 7.0 FROM generate_series(1, 20000) i`

const hash = `SELECT md5(coalesce((SELECT string_agg(o::text, '|' ORDER BY id) FROM orders o), '')
  || coalesce((SELECT string_agg(l::text, '|' ORDER BY id) FROM lines l), '')) AS hash`

const none = `SELECT FROM orders UNION ALL SELECT FROM lines`

/** Rows are in the file of a table, and nobody sees them yet. */
const isBeingFilled = `SELECT WHERE pg_relation_size('orders') > 500000 AND NOT EXISTS (${none})`

const midst = 'in the midst of its rows'
const places = ['verified', 'locked', 'captured', 'written', 'recorded', 'committed']

/** Where it is killed. In the midst of its rows it can't come further than to where it would stand still. */
const kills = [
  ...places.map((at) => ({ at, armed: `restore.${at}=kill` })),
  { at: midst, armed: 'restore.verified=pause' },
]

t.test('killed at any place of it, a filling has happened whole or not at all, and says so', async (t) => {
  const source = await testDatabase(t)
  await sql(source, schema)
  const whole = await sql(source, hash)
  const datasets = await folder(t)
  const records = '{ table: public.orders, children: [{ table: public.lines, as: lines }] }'
  await writeFile(join(datasets, 'orders.yaml'), `dataset: orders\nrecords: ${records}\n`)
  const environment = {
    HOLDFAST_HOME: await folder(t),
    DATABASE_URL: await testDatabase(t, await migratedTemplate()),
    HOLDFAST_SOURCE_APP_URL: source,
    HOLDFAST_DATASETS: datasets,
    HOLDFAST_BREAK_ON_PURPOSE: 'yes',
  }
  const start = (armed = 'trace') => startInstance({ ...environment, HOLDFAST_FAILPOINTS: armed })
  let instance = await start(kills[0]!.armed)
  t.teardown(() => killInstance(instance))
  const snapshot = await call(instance, '/snapshots', { dataset: 'orders' })

  async function plan(): Promise<Answer> {
    await sql(source, 'TRUNCATE orders, lines')
    const restore = await call(instance, '/restores', { snapshotId: snapshot.id })
    t.match(restore, { status: 'planned', plan: { create: 4000 } })
    return restore
  }
  const apply = ({ id, planHash }: Answer) => call(instance, `/restores/${id}/application`, { planHash })

  for (const [i, { at }] of kills.entries()) {
    const { process: service } = instance
    const dead = once(service, 'exit')
    const restore = await plan()
    const applying = apply(restore).catch(() => null)
    if (at === midst) {
      await until(source, isBeingFilled)
      service.kill('SIGKILL')
    }
    t.same(await dead, [null, 'SIGKILL'], at)
    await applying
    await letHeartsStop({ database: environment.DATABASE_URL })
    instance = await start(kills[i + 1]?.armed)
    const end = await followToEnd(instance, `/restores/${restore.id}`)
    if (at === 'committed') {
      t.match(end, { status: 'completed' }, at)
      t.same(await sql(source, hash), whole, at)
    } else {
      t.match(end, { status: 'failed', error: { code: 'RESTORE_INTERRUPTED' } }, at)
      t.same(await sql(source, none), [], at)
    }
    t.same((await call(instance, '/snapshots?status=generating')).items, [], 'no copy is left half taken')
  }
  t.match(await apply(await plan()), { status: 'completed' })
  t.same(await sql(source, hash), whole, 'and it can be done again')
  t.match(await call(instance, '/audit/verification'), { ok: true })
})
