import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { call, followToEnd, killInstance, startInstance } from '../support/instance.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { migratedTemplate, sampleTemplate } from '../support/templates.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Kills while a restore is under way. Seeded: the moments are spread over the time that an undisturbed one takes. */
const kills = 3

/** Everything in the chat's tables, hashed by PostgreSQL. */
async function state(source: string): Promise<string> {
  const [row] = await sql(
    source,
    `SELECT md5((SELECT string_agg(s::text, '|' ORDER BY s.id) FROM chat.sessions s) || (SELECT string_agg(m::text, '|' ORDER BY m.id) FROM chat.messages m)) AS hash`,
  )
  return row!.hash as string
}

const damage = `DELETE FROM chat.sessions WHERE id IN (SELECT id FROM chat.sessions ORDER BY id LIMIT 1500);
  UPDATE chat.sessions SET visitor_name = 'damaged' WHERE id IN (SELECT id FROM chat.sessions ORDER BY id DESC LIMIT 500)`

t.test('killed at any moment, a restore has happened whole or not at all, and says so', async (t: Test) => {
  const source = await testDatabase(t, await sampleTemplate())
  const home = await mkdtemp(join(tmpdir(), 'holdfast-kill-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const environment = {
    HOLDFAST_HOME: home,
    DATABASE_URL: await testDatabase(t, await migratedTemplate()),
    HOLDFAST_SOURCE_APP_URL: source,
    HOLDFAST_DATASETS: join(root, 'examples'),
  }
  let instance = await startInstance(environment)
  t.teardown(() => killInstance(instance))
  const whole = await state(source)
  const snapshot = await call(instance, '/snapshots', { dataset: 'chat' })
  await sql(source, damage)
  const damaged = await state(source)

  const plan = await call(instance, '/restores', { snapshotId: snapshot.id })
  const began = performance.now()
  t.equal(
    (await call(instance, `/restores/${plan.id}/application`, { planHash: plan.planHash })).status,
    'completed',
  )
  const duration = performance.now() - began
  t.equal(await state(source), whole)

  const outcomes = { completed: 0, failed: 0 }
  for (let i = 0; i < kills; i++) {
    await sql(
      source,
      `DELETE FROM chat.sessions WHERE id IN (SELECT id FROM chat.sessions ORDER BY id LIMIT 1500)`,
    )
    await sql(source, damage.split(';').at(-1)!)
    const before = await state(source)
    const planned = await call(instance, '/restores', { snapshotId: snapshot.id })
    const application = call(instance, `/restores/${planned.id}/application`, {
      planHash: planned.planHash,
    }).catch(() => null)
    await Promise.race([application, timeout((duration * (i + 0.5)) / kills)])
    await killInstance(instance)
    await application
    instance = await startInstance(environment)
    const settled = await followToEnd(instance, `/restores/${planned.id}`)
    outcomes[settled.status as keyof typeof outcomes]++
    const after = await state(source)
    if (settled.status === 'completed')
      t.equal(after, whole, `kill ${i}: it says that it happened, and all of it did`)
    else {
      t.match(settled, { status: 'failed', error: { code: 'RESTORE_INTERRUPTED' } })
      t.equal(after, before, `kill ${i}: it says that nothing happened, and nothing did`)
    }
    const unfinished = await call(instance, '/snapshots?status=generating')
    t.same(unfinished.items, [], 'no safety snapshot is left half taken')
    const locks = await sql(
      source,
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
    )
    t.same(locks, [], 'no transaction is left open')
  }
  t.comment(outcomes)
  t.not(damaged, whole)
  t.match(await call(instance, '/audit/verification'), { ok: true })
})

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
