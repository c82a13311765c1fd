import t from 'tap'
import { sql } from '../support/postgres.ts'
import { take, type Body } from '../snapshots/service.ts'
import { retentionService } from './service.ts'

const service = await retentionService(t)
const { app, call, goTo, run, notices, source } = service
const url = app.config.databaseUrl!

/** Sessions from before an instant, by SQL of our own. */
async function sessionsBefore(instant: string): Promise<number> {
  const [row] = await sql(source, 'SELECT count(*)::int AS n FROM chat.sessions WHERE created_at < $1', [
    instant,
  ])
  return row!['n'] as number
}

t.test('records past their age: told first, planned with a grace period, removed after it', async (t) => {
  for (const { name } of app.schedules.list())
    if (!['retention.chat', 'cleanups.due'].includes(name))
      await call('PATCH', `/schedules/${name}`, { paused: true })
  const at = '2026-11-20T19:00:00Z' // 03:00 in Kuala Lumpur
  const cutoff = new Date(Date.parse(at) - 180 * 86_400_000).toISOString()
  const old = await sessionsBefore(cutoff)
  t.ok(old > 10)
  const before = (await call('GET', '/retention/chat')).body as unknown as Retention
  t.match(before.records, { enabled: true, nextRun: '2026-11-20T19:00:00.000Z', pendingCleanups: [] })
  t.equal(before.records.past, await sessionsBefore(before.records.cutoff))

  await goTo(at)
  const { records } = (await call('GET', '/retention/chat')).body as unknown as Retention
  t.match(records.pendingCleanups, [{ status: 'pending', dueAt: '2026-11-27T19:00:00.000Z', records: old }])
  t.equal(records.pendingCleanups.length, 1)
  t.same(await notices(), ['cleanup_planned cleanup'])
  const last = (await call('GET', '/schedules/retention.chat')).body['lastRun'] as Body
  t.match(last, { status: 'completed', counts: { planned: old } })

  await goTo('2026-11-21T19:00:00Z')
  const tomorrow = (await call('GET', '/retention/chat')).body as unknown as Retention
  const sum = tomorrow.records.pendingCleanups.reduce((total, cleanup) => total + cleanup.records, 0)
  t.equal(sum, tomorrow.records.past, 'the next day plans only what has come of age since')

  await goTo('2026-11-27T19:00:00Z')
  t.equal(await sessionsBefore(cutoff), old, 'nothing goes while nobody was told')
})

interface Retention {
  snapshots: {
    remove: number
    keep: number
    items: { id: string; keep: boolean; reasons: { words: string }[] }[]
  }
  backups: { keep: number; nextRun: string } | null
  records: {
    past: number
    cutoff: string
    pendingCleanups: { records: number; status: string }[]
  }
}

t.test('what goes is shown, with the reason, before it goes', async (t) => {
  const old = await take(service, { dataset: 'conversations' })
  const newer = await take(service, { dataset: 'conversations' })
  await sql(
    url,
    `UPDATE snapshots SET taken_at = taken_at - interval '30 days', expires_at = NULL WHERE id = $1`,
    [old.id],
  )
  const { snapshots } = (await call('GET', '/retention/conversations')).body as unknown as Retention
  t.match(snapshots, { remove: 1, keep: 1 })
  t.match(snapshots.items, [
    { id: old.id, keep: false, reasons: [{ rule: 'expired', words: /^Its time ended on/ }] },
    { id: newer.id, keep: true, reasons: [{ rule: 'newest' }, { rule: 'age' }] },
  ])
  const { body } = await call('GET', '/retention')
  t.equal(body.items.length, 5)
  const chat = body.items.find(({ dataset }) => dataset === 'chat') as unknown as Retention
  t.match(chat.backups, { keep: 24 })
  t.match(body.items.find(({ dataset }) => dataset === 'deal-rooms')!['snapshots'], {
    policy: [/7 days/, /the last: 50/, /Always kept/],
  })
  t.match(await run('snapshots.expiry'), { counts: { expired: 1 } })
  t.equal((await call('GET', `/snapshots/${old.id}`)).body.status, 'expired')
  t.match(await call('GET', '/retention/nothing'), { status: 404, body: { code: 'DATASET_UNKNOWN' } })
})

t.test('a source that cannot be asked leaves the rest to be seen', async (t) => {
  await sql(source, 'ALTER TABLE chat.sessions RENAME TO sessions_gone')
  const { status, body } = await call('GET', '/retention/chat')
  t.equal(status, 200)
  t.equal((body as unknown as Retention).records.past, null)
})
