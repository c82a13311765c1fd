import t from 'tap'
import { sql } from '../support/postgres.ts'
import { retentionService } from './service.ts'

t.test('a backup of each month at 02:00 on the 1st, of which the last 24 are kept', async (t) => {
  const { app, call, goTo } = await retentionService(t)
  const own = ['backup.chat', 'snapshots.expiry']
  for (const { name } of app.schedules.list())
    if (!own.includes(name)) await call('PATCH', `/schedules/${name}`, { paused: true })
  const months: string[] = []
  for (let month = 12; month < 12 + 27; month++) {
    // 02:00 in Kuala Lumpur is 18:00 UTC of the day before; expiry has been at 04:00.
    const at = new Date(Date.UTC(2026, month - 1, 0, 18))
    await goTo(at.toISOString())
    await goTo(new Date(at.getTime() + 3 * 3_600_000).toISOString())
    months.push(new Date(Date.UTC(2026, month - 2, 1)).toISOString().slice(0, 7))
  }
  const list = await call('GET', '/snapshots?dataset=chat&trigger=scheduled&status=completed&limit=200')
  t.same(
    list.body.items.map(({ scope }) => (scope as { month: string }).month),
    months.slice(-24).toReversed(),
  )
  const expired = await call('GET', '/snapshots?dataset=chat&trigger=scheduled&status=expired')
  t.same(
    expired.body.items.map(({ scope }) => (scope as { month: string }).month),
    ['2027-01', '2026-12', '2026-11'],
  )
  const runs = await call('GET', '/schedules/backup.chat/runs?limit=200')
  t.equal(runs.body.items.length, 27)
  t.ok(runs.body.items.every(({ status }) => status === 'completed'))
  t.match(runs.body.items.at(-1), {
    dueAt: '2026-11-30T18:00:00.000Z',
    note: /^November 2026: \d+ records?\.$/,
    counts: { records: Number },
  })
  const [first] = await sql(
    app.config.databaseUrl!,
    `SELECT metadata FROM audit_entries WHERE action = 'snapshot.expired' ORDER BY seq LIMIT 1`,
  )
  t.same(JSON.parse(String(first!['metadata'])).reasons, ['There are 24 newer backups.'])
})

t.test('by hand: the list, the file, and a second time', async (t) => {
  const { call, run, notices, source } = await retentionService(t)
  const done = await run('backup.chat')
  t.match(done, { status: 'completed', trigger: 'manual', note: /^October 2026: / })
  const { body } = await call('GET', '/snapshots?dataset=chat&trigger=scheduled')
  const [backup] = body.items
  t.match(backup, { status: 'completed', scope: { month: '2026-10' }, expiresAt: null, hold: false })
  t.match(backup!.key, /^backups\/chat\//)
  const counted = await sql(
    source,
    `SELECT count(*)::int AS count FROM chat.sessions
     WHERE created_at >= '2026-09-30T16:00:00Z' AND created_at < '2026-10-31T16:00:00Z'`,
  )
  t.equal(backup!.counts['chat.sessions'], counted[0]!['count'], "the month in the dataset's time zone")
  const file = await call('GET', `/snapshots/${backup!.id}/content`)
  t.equal(file.raw.statusCode, 200)
  const again = await run('backup.chat')
  t.match(again, {
    status: 'completed',
    note: 'There is a backup of October 2026 already; nothing was replaced.',
  })
  t.equal((await call('GET', '/snapshots?dataset=chat&trigger=scheduled')).body.items.length, 1)
  t.same(await notices(), ['backup_completed snapshot'])
})

t.test('one that fails, and one that is missing, are announced', async (t) => {
  const { app, call, run, goTo, notices, folder } = await retentionService(t)
  for (const name of ['snapshots.expiry', 'retention.chat'])
    await call('PATCH', `/schedules/${name}`, { paused: true })
  const { rename } = await import('node:fs/promises')
  await rename(folder, `${folder}-gone`)
  const failed = await run('backup.chat')
  t.match(failed, { status: 'failed', error: { code: 'BACKUP_FAILED' } })
  await rename(`${folder}-gone`, folder)
  t.same(await notices(), ['backup_failed schedule_run'])

  t.match(await run('backups.watch'), { counts: { present: 0, missing: 0 } }, 'none was due yet')
  await goTo('2026-12-03T00:00:00Z')
  t.match((await call('GET', '/schedules/backup.chat')).body['lastRun'], { status: 'missed' })
  t.match(await run('backups.watch'), { counts: { present: 0, missing: 1 } })
  await run('backups.watch')
  const due = '2026-11-30T18:00:00.000Z'
  t.same(await notices(), ['backup_failed schedule_run', `backup_missing schedule ${due}`], 'once')
  await run('backup.chat')
  t.match(await run('backups.watch'), { counts: { present: 1, missing: 0 } })
  const legacy = app.schedules.get('backup.legacy-import')
  t.equal(legacy.enabled, false)
  t.match(await call('POST', '/schedules/backup.legacy-import/runs'), { status: 409 })
})
