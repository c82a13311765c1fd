import t from 'tap'
import { IdempotencyKey } from '../../src/platform/idempotency/idempotency-key.ts'
import { createSignals } from '../../src/platform/signals.ts'
import { testApp } from '../support/app.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { openWire } from '../support/wire.ts'

const databaseUrl = await testDatabase(t)
const [app, replica] = [await testApp(t, { databaseUrl }), await testApp(t, { databaseUrl })]
const id = 'a'.repeat(64)
await sql(
  databaseUrl,
  `INSERT INTO idempotency_keys VALUES ($1, '', gen_random_uuid(), now(), false, null, null, now())`,
  [id],
)

const ours = "datname = current_database() AND application_name = 'holdfast signals'"

/** The row as the look's own entity manager has it, once it is marked. */
async function marked() {
  const row = await app.orm.em.findOneOrFail(IdempotencyKey, id)
  return row.changed ? row : null
}

t.test('waiting sees what another replica committed, and not what it loaded before', async (t) => {
  let looks = 0
  const looked = Promise.withResolvers<void>()
  const waiting = app.signals.waitFor(
    'row:1',
    async () => {
      const row = await marked()
      looks += 1
      looked.resolve()
      return row
    },
    30_000,
  )
  await looked.promise
  await replica.orm.em.fork().transactional(async (em) => {
    await em.nativeUpdate(IdempotencyKey, { id }, { changed: true })
    await replica.signals.send(em, 'row:1')
  })
  t.equal((await waiting)?.id, id)
  t.ok(looks >= 2)
})

t.test('waiting ends with the time, and with one last look', async (t) => {
  let looks = 0
  const nothing = await app.signals.waitFor('row:2', async () => ((looks += 1), null), 50)
  t.same([nothing, looks], [null, 2])
})

t.test('a signal that comes during a look is not missed', async (t) => {
  let looks = 0
  const look = async () => {
    looks += 1
    if (looks === 1) await app.signals.send(app.orm.em.fork(), 'row:3')
    return looks > 1 ? 'seen' : null
  }
  t.equal(await app.signals.waitFor('row:3', look, 30_000), 'seen')
})

t.test('after a lost connection everybody looks again', async (t) => {
  const woken = Promise.withResolvers<void>()
  t.teardown(app.signals.subscribe('row:4', () => woken.resolve()))
  await sql(
    databaseUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE ${ours}`,
  )
  await woken.promise
  const heard = Promise.withResolvers<void>()
  t.teardown(app.signals.subscribe('row:5', () => heard.resolve()))
  await replica.signals.send(replica.orm.em.fork(), 'row:5')
  await heard.promise
  t.pass('and hears the next signal')
})

t.test('while the database is away it tries once a second, and listens once when it is back', async (t) => {
  const wire = await openWire(t, databaseUrl)
  const signals = createSignals(app.orm, wire.url, app.log)
  await signals.start()
  t.teardown(() => signals.stop())
  const listeners = async () =>
    (await sql(databaseUrl, `SELECT pid FROM pg_stat_activity WHERE ${ours}`)).length
  const before = await listeners()
  wire.cut()
  await wire.refused(4)
  const woken = Promise.withResolvers<void>()
  signals.subscribe('row:6', () => woken.resolve())
  wire.mend()
  await woken.promise
  t.equal(await listeners(), before)
})
