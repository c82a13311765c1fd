import t, { type Test } from 'tap'
import { armFailpoints, type Failpoint } from '../../src/platform/failpoints.ts'
import { runApplication } from '../../src/restores/apply-restore.ts'
import { endOf, openApp } from '../../torture/app.ts'
import { check, takeBaseline } from '../../torture/checker.ts'
import { openPlace, until, untilIdle, withClient } from '../../torture/place.ts'
import type { Answer } from '../../torture/service.ts'
import { stateOf, zones } from '../../torture/source.ts'
import { fast, immediate, openServer, type Stop } from '../support/own-server.ts'
import { sql } from '../support/postgres.ts'

const server = await openServer(t)
const place = await openPlace(t, 'folder', undefined, server.url)
const baseline = await takeBaseline(place)
const { app, post, get } = await openApp(t, place)

const accounts = (ids: readonly number[]) => ({ dataset: 'accounts', scope: { keys: ids.map(String) } })
const restored = () => withClient(place.source, (client) => stateOf(client, 'restored'))
const whole = await restored()
const snapshot = await post('/snapshots', accounts(zones.restored))

/** Lets work stand still at a place while something is done to the source. */
async function meanwhile(place: Failpoint, work: () => Promise<Answer>, harm: () => Promise<unknown>) {
  const reached = Promise.withResolvers<void>()
  const armed = armFailpoints([{ name: place, action: 'pause', hit: 1 }], (_name, action) => {
    if (action === 'pause') reached.resolve()
  })
  try {
    const working = work()
    await Promise.race([reached.promise, working.then(() => Promise.reject(new Error(`not at ${place}`)))])
    await harm()
    armed.disarm()
    return await working
  } finally {
    armed.disarm()
  }
}

const damage = `UPDATE torture.accounts SET owner = owner || '!' WHERE id % 3 = 0 AND id <= 40;
  DELETE FROM torture.accounts WHERE id IN (4, 5)`

/** Damages rows and plans to bring them back. */
async function planRestore(damaging = damage) {
  await sql(place.source, damaging)
  const before = await restored()
  const { id, planHash } = await post('/restores', { snapshotId: snapshot['id'] })
  return { id: String(id), before, apply: () => post(`/restores/${id}/application`, { planHash }) }
}

/** What was asked for came to its end in the right way, by our own SQL, and the same can be done again. */
async function settled(t: Test, restore: { before: string; id: string } | null = null) {
  const ledger = { whole: '', snapshotId: '', acknowledged: new Map(), done: {}, refused: new Map() }
  const { broken } = await check(place, baseline, {
    ...ledger,
    restore: restore && { ...restore, after: whole },
  })
  t.same(broken, [])
}

async function restoredAgain(t: Test) {
  const { id, planHash } = await post('/restores', { snapshotId: snapshot['id'] })
  t.equal(endOf(await post(`/restores/${id}/application`, { planHash })), 'completed')
  t.equal(await restored(), whole)
}

/** The application goes on writing: the transactions that a crash left no trace of have their numbers used once more. */
const useNumbers = () =>
  sql(place.source, `DO $$ BEGIN FOR i IN 1..300 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`)

async function restart(how: Stop): Promise<void> {
  await server.stop(how)
  await server.start()
  await useNumbers()
}

async function auditOf(id: string): Promise<unknown[]> {
  return sql(
    place.database,
    `SELECT action, outcome FROM audit_entries WHERE entity_ids[1] = $1 AND outcome <> 'refused' ORDER BY seq DESC LIMIT 1`,
    [id],
  )
}

/** Until somebody waits for a lock in the source. */
const untilBlocked = () => until(server.administration, 'SELECT FROM pg_locks WHERE NOT granted')

const goneAt = [
  ['restore.locked', immediate, 'SOURCE_UNREACHABLE'],
  ['restore.written', fast, 'SOURCE_UNREACHABLE'],
  ['restore.recorded', immediate, 'RESTORE_INTERRUPTED'],
  ['restore.committed', immediate, 'completed'],
] as const

for (const [name, how, end] of goneAt)
  t.test(`the server ends at ${name} (${how}): ${end}`, async (t) => {
    const restore = await planRestore()
    t.equal(endOf(await meanwhile(name, restore.apply, () => restart(how))), end)
    const isDone = end === 'completed'
    t.equal(await restored(), isDone ? whole : restore.before)
    const outcome = isDone ? 'done' : 'failed'
    t.same(await auditOf(restore.id), [{ action: `restore.${isDone ? 'applied' : 'failed'}`, outcome }])
    await settled(t, restore)
    await restoredAgain(t)
  })

t.test('a restore of which a crash would leave no trace is not taken for one that came later', async (t) => {
  const restore = await planRestore(`UPDATE torture.accounts SET owner = 'other' WHERE id = 1`)
  const end = endOf(await meanwhile('restore.recorded', restore.apply, () => restart(immediate)))
  t.equal(end, 'RESTORE_INTERRUPTED')
  await settled(t, restore)
  await restoredAgain(t)
})

t.test('the server is still gone when a restore asks what became of it: it asks again later', async (t) => {
  const restore = await planRestore()
  const applied = meanwhile('restore.recorded', restore.apply, () => server.stop(fast))
  await until(
    place.database,
    `SELECT FROM pgboss.job WHERE data->>'id' = '${restore.id}' AND output::text ~ 'ECONNREFUSED|terminat'`,
  )
  t.match(await get(`/restores/${restore.id}`), { status: 'applying' })
  await server.start()
  await runApplication(app, restore.id, { signal: new AbortController().signal, attempt: 1 })
  t.equal(endOf(await applied), 'RESTORE_INTERRUPTED')
  await settled(t, restore)
  await restoredAgain(t)
})

/** Some of the records that are removed and brought back, a few at a time. */
let used = 0
const few = () => accounts(zones.removed.slice(used, (used += 4)))

async function cleanUp(wanted: object): Promise<Answer> {
  const removal = { ...wanted, target: 'records' }
  const { planHash } = await post('/cleanups', removal)
  return post('/cleanups', { ...removal, confirmDelete: true, planHash })
}

const removedAt = [
  ['cleanup.chunk-deleted', fast],
  ['cleanup.chunk-recorded', immediate],
  ['cleanup.chunk-committed', immediate],
] as const

for (const [name, how] of removedAt)
  t.test(`the server ends at ${name} (${how}): the chunk is removed once`, async (t) => {
    const cleanup = await meanwhile(
      name,
      () => cleanUp(few()),
      () => restart(how),
    )
    t.match(cleanup, { status: 'completed', counts: { removed: 4, left: 0 } })
    t.same(await auditOf(cleanup['id']), [{ action: 'cleanup.completed', outcome: 'done' }])
    await settled(t)
  })

t.test('the server ends while a snapshot is read', async (t) => {
  const answer = await withClient(place.source, async (client) => {
    await client.query('BEGIN; LOCK torture.papers')
    const taken = post('/snapshots', { dataset: 'accounts' })
    await untilBlocked()
    await restart(immediate)
    return taken
  })
  t.equal(endOf(answer), 'SOURCE_UNREACHABLE')
  t.same(await auditOf(answer['id']), [{ action: 'snapshot.failed', outcome: 'failed' }])
  await settled(t)
  t.equal(endOf(await post('/snapshots', { dataset: 'accounts' })), 'completed')
  t.match(await post(`/snapshots/${snapshot['id']}/verifications`, {}), { ok: true })
})

/** All connections but those at work are ended, as an administrator does whose setting is for new sessions. */
const endIdle = () =>
  sql(
    server.administration,
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'app' AND state = 'idle'`,
  )

async function set(setting: string): Promise<void> {
  await sql(server.administration, `ALTER DATABASE app ${setting}`)
  await endIdle()
}

/** For all sessions of the server, those at work too from their next transaction on. */
async function setEverywhere(name: string, value: string): Promise<void> {
  await sql(server.administration, `ALTER SYSTEM SET ${name} = ${value}`)
  await sql(server.administration, 'SELECT pg_reload_conf()')
  await until(server.administration, `SELECT WHERE current_setting('${name}') = '${value}'`)
  await endIdle()
}

const readOnly = 'default_transaction_read_only'
const ways = {
  source: [() => set(`SET ${readOnly} = on`), () => set(`RESET ${readOnly}`)],
  server: [() => setEverywhere(readOnly, 'on'), () => setEverywhere(readOnly, 'off')],
} as const

for (const [what, [makeReadOnly, undo]] of Object.entries(ways)) {
  // A session that began read-only stays so: none may be at work when the others are ended.
  const makeWritable = () => untilIdle(place.source).then(undo)

  t.test(`the ${what} becomes read-only in the midst`, async (t) => {
    t.teardown(makeWritable)
    const restore = await planRestore()
    const refused = await meanwhile('restore.application-begun', restore.apply, makeReadOnly)
    t.equal(endOf(refused), 'SOURCE_READ_ONLY')
    t.equal(await restored(), restore.before)
    t.equal(endOf(await post('/snapshots', { dataset: 'accounts' })), 'completed', 'reading goes on')
    await makeWritable()

    const wanted = few()
    const cleanup = await meanwhile('batch.run-begun', () => cleanUp(wanted), makeReadOnly)
    t.match(cleanup, { status: 'completed', counts: { removed: 0, left: 4, leftCounts: { REFUSED: 4 } } })
    await makeWritable()
    await settled(t, restore)
    await restoredAgain(t)
    t.match(await cleanUp(wanted), { counts: { removed: 4 } })
  })

  t.test(`a restore that has begun when the ${what} becomes read-only is whole`, async (t) => {
    t.teardown(makeWritable)
    const restore = await planRestore()
    const end = endOf(await meanwhile('restore.locked', restore.apply, makeReadOnly))
    t.equal(await restored(), end === 'completed' ? whole : restore.before, end)
    t.match(end, /^(completed|SOURCE_READ_ONLY)$/)
    await makeWritable()
    await settled(t, restore)
    await restoredAgain(t)
  })
}

t.test('the source gives statements little time: ours take what they need', async (t) => {
  const reset = () => set('RESET statement_timeout')
  t.teardown(reset)
  const restore = await planRestore()
  const wanted = few()
  await set(`SET statement_timeout = '20ms'`)
  await t.rejects(sql(place.source, 'SELECT pg_sleep(1)'), /statement timeout/)
  await withClient(place.source, async (client) => {
    await client.query('SET statement_timeout = 0')
    for (const work of [
      () => post('/snapshots', { dataset: 'accounts' }),
      restore.apply,
      () => cleanUp(wanted),
    ]) {
      await client.query('BEGIN; LOCK torture.papers, torture.accounts')
      const worked = work()
      await untilBlocked()
      await client.query('SELECT pg_sleep(0.1); ROLLBACK')
      t.equal(endOf(await worked), 'completed')
    }
  })
  await reset()
  t.equal(await restored(), whole)
  await settled(t, restore)
})

t.test('an administrator ends a statement of ours', async (t) => {
  const restore = await planRestore()
  const cancelled = await withClient(place.source, async (client) => {
    await client.query('BEGIN; SELECT FROM torture.accounts WHERE id = 3 FOR UPDATE')
    const applied = restore.apply()
    await untilBlocked()
    await sql(
      server.administration,
      'SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()',
    )
    const end = await applied
    await client.query('ROLLBACK')
    return end
  })
  t.equal(endOf(cancelled), 'SOURCE_CANCELLED')
  t.equal(await restored(), restore.before)
  await settled(t, restore)
  await restoredAgain(t)
})

t.test('the application holds what is needed for longer than the source lets anybody wait', async (t) => {
  await set(`SET lock_timeout = '100ms'`)
  t.teardown(() => set('RESET lock_timeout'))
  const restore = await planRestore()
  const wanted = few()
  await withClient(place.source, async (client) => {
    await client.query('BEGIN; SELECT FROM torture.accounts WHERE id = 3 FOR UPDATE')
    t.equal(endOf(await restore.apply()), 'SOURCE_LOCKED')
    t.equal(await restored(), restore.before)
    await client.query('ROLLBACK')

    await client.query('BEGIN; LOCK torture.papers')
    t.equal(endOf(await post('/snapshots', { dataset: 'accounts' })), 'SOURCE_LOCKED')
    await client.query('ROLLBACK')

    const cleanup = await meanwhile(
      'batch.run-begun',
      () => cleanUp(wanted),
      async () => {
        await client.query('BEGIN; LOCK torture.entries')
        void until(place.database, `SELECT FROM batch_items WHERE error->>'code' = 'SOURCE_LOCKED'`).then(
          () => client.query('ROLLBACK'),
        )
      },
    )
    t.match(cleanup, { status: 'completed', counts: { removed: 4 } })
  })
  await settled(t, restore)
  await restoredAgain(t)
})
