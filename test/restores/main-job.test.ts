import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { storageProblems } from '../../src/storage/errors.ts'
import { sql } from '../support/postgres.ts'
import { mainJob, type MainJob } from './main-job.ts'

const categories = (job: MainJob) =>
  sql(
    job.source,
    `SELECT c.name, c.is_protected, (SELECT array_agg(v.youtube_id ORDER BY v.youtube_id COLLATE "C")
       FROM video_library.category_videos cv JOIN video_library.videos v ON v.id = cv.video_id WHERE cv.category_id = c.id) AS videos
       FROM video_library.categories c ORDER BY c.name COLLATE "C"`,
  )

async function damage(job: MainJob): Promise<void> {
  await sql(job.source, `DELETE FROM video_library.categories WHERE NOT is_protected AND id % 3 = 0`)
  await sql(job.source, `UPDATE video_library.categories SET description = 'damaged' WHERE id % 3 = 1`)
  await sql(job.source, `INSERT INTO video_library.categories (name) VALUES ('Stray')`)
}

t.test('snapshot, damage, changes, plan, restore, undo, undo of the undo', async (t) => {
  const job = await mainJob(t)
  const before = await categories(job)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  t.match(snapshot, { status: 'completed', trigger: 'manual', scope: { all: true } })
  const content = await job.app.inject({ url: `/api/snapshots/${snapshot.id}/content`, headers: job.headers })
  t.equal(
    createHash('sha256').update(content.rawPayload).digest('hex'),
    snapshot.sha256,
    'the download is what was hashed',
  )

  await damage(job)
  const damaged = await categories(job)
  const planned = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  t.match(planned, { status: 'planned', mode: 'replace', planHash: /^[0-9a-f]{64}$/, plan: { delete: 1 } })
  t.ok(planned.plan.create > 0 && planned.plan.update > 0)
  t.ok(planned.sample.length > 0)
  t.same(await categories(job), damaged, 'a plan changes nothing')

  await job.post(`/api/restores/${planned.id}/application`, {}, 422, 'PLAN_REQUIRED')
  await job.post(`/api/restores/${planned.id}/application`, { planHash: 'f'.repeat(64) }, 409, 'PLAN_DRIFTED')
  const applied = await job.post(
    `/api/restores/${planned.id}/application`,
    { planHash: planned.planHash },
    201,
  )
  t.match(applied, { status: 'completed', preRestoreSnapshotId: /-/, counts: planned.plan })
  t.same(await categories(job), before, 'all is as it was')
  await job.post(
    `/api/restores/${planned.id}/application`,
    { planHash: planned.planHash },
    409,
    'RESTORE_NOT_PLANNED',
  )

  const undo = await job.post(`/api/restores/${applied.id}/undo`, undefined, 201)
  t.match(undo, { status: 'planned', undoes: applied.id, snapshotId: applied.preRestoreSnapshotId })
  const undone = await job.post(`/api/restores/${undo.id}/application`, { planHash: undo.planHash }, 201)
  t.same(await categories(job), damaged, 'the undo brings the damage back')
  const redo = await job.post(`/api/restores/${undone.id}/undo`, undefined, 201)
  await job.post(`/api/restores/${redo.id}/application`, { planHash: redo.planHash }, 201)
  t.same(await categories(job), before, 'and undoing that takes it away again')

  const audit = await job.get('/api/audit?limit=200', 200)
  const actions = audit.items.map(({ action }) => action)
  for (const action of [
    'snapshot.taken',
    'snapshot.downloaded',
    'restore.requested',
    'restore.planned',
    'restore.applied',
  ])
    t.ok(actions.includes(action), action)
  t.match(await job.get('/api/audit/verification', 200), { ok: true })
})

t.test('what a restore touched and nothing else is undone', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  const [[first], [second]] = (
    await sql(
      job.source,
      'SELECT name FROM video_library.categories WHERE NOT is_protected ORDER BY id LIMIT 2',
    )
  ).map((row) => [row.name as string]) as [[string], [string]]
  await sql(job.source, `UPDATE video_library.categories SET description = 'damaged' WHERE name = $1`, [
    first,
  ])
  const planned = await job.post('/api/restores', { snapshotId: snapshot.id, keys: [first] }, 201)
  t.match(planned.plan, { create: 0, update: 1, delete: 0 })
  const applied = await job.post(
    `/api/restores/${planned.id}/application`,
    { planHash: planned.planHash },
    201,
  )
  await sql(
    job.source,
    `UPDATE video_library.categories SET description = 'the application goes on' WHERE name = $1`,
    [second],
  )
  const undo = await job.post(`/api/restores/${applied.id}/undo`, undefined, 201)
  t.match(undo.plan, { create: 0, update: 1, delete: 0 })
  await job.post(`/api/restores/${undo.id}/application`, { planHash: undo.planHash }, 201)
  const rows = await sql(
    job.source,
    'SELECT name, description FROM video_library.categories WHERE name = ANY ($1)',
    [[first, second]],
  )
  t.same(Object.fromEntries(rows.map(({ name, description }) => [name, description])), {
    [first]: 'damaged',
    [second]: 'the application goes on',
  })
})

t.test('data that moves between plan and application: refused, named, nothing changed', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  await damage(job)
  const planned = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  await sql(job.source, `UPDATE video_library.categories SET description = 'moved' WHERE name = 'Stray'`)
  const now = await categories(job)
  const refused = await job.post(
    `/api/restores/${planned.id}/application`,
    { planHash: planned.planHash },
    409,
    'PLAN_DRIFTED',
  )
  t.same(refused.moved, [['Stray']])
  t.same(await categories(job), now)
  t.match(await job.get(`/api/restores/${planned.id}`, 200), {
    status: 'failed',
    error: { code: 'PLAN_DRIFTED', moved: ['Stray'] },
  })
  const left = await job.get(`/api/snapshots?trigger=pre_restore`, 200)
  t.same(left.items, [], 'no safety snapshot is left behind')
})

t.test('a damaged artifact is refused before the source is touched', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  await damage(job)
  const planned = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  await job.flipByte(snapshot.key)
  const now = await categories(job)
  await job.post(
    `/api/restores/${planned.id}/application`,
    { planHash: planned.planHash },
    409,
    'SNAPSHOT_CORRUPT',
  )
  await job.post('/api/restores', { snapshotId: snapshot.id }, 409, 'SNAPSHOT_CORRUPT')
  t.same(await categories(job), now)
  const left = await job.get(`/api/snapshots?trigger=pre_restore`, 200)
  t.same(left.items, [], 'no safety snapshot is left behind')
})

t.test('a store that is lost while an artifact is read is no trouble with the copy', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  await damage(job)
  const { id, planHash } = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  const store = job.app.stores.main
  const get = store.get.bind(store)
  let reads = 0
  store.get = (key, range) => {
    // The first is of the header, before there is anything to compare.
    if (key === snapshot.key && ++reads > 1) throw storageProblems.STORE_UNREACHABLE('it went away')
    return get(key, range)
  }
  await job.post(`/api/restores/${id}/application`, { planHash }, 503, 'STORE_UNREACHABLE')
  const { error } = (await job.get(`/api/restores/${id}`, 200)) as unknown as { error: { detail: string } }
  t.equal(error.detail, 'it went away')
})

t.test('of given records only what holds them is read and has to be good', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'chat' }, 201)
  await sql(job.source, `UPDATE chat.sessions SET subject = 'damaged' WHERE id IN (1, 1500)`)
  const restore = (key: string) => job.post('/api/restores', { snapshotId: snapshot.id, keys: [key] }, 201)
  const [first, middle] = [await restore('1'), await restore('1500')]
  await job.flipByte(snapshot.key)
  await job.post(`/api/restores/${first.id}/application`, { planHash: first.planHash }, 201)
  await job.post(
    `/api/restores/${middle.id}/application`,
    { planHash: middle.planHash },
    409,
    'SNAPSHOT_CORRUPT',
  )
  t.same(await sql(job.source, `SELECT id FROM chat.sessions WHERE subject = 'damaged'`), [{ id: '1500' }])
})

t.test('nothing to change: no safety snapshot, nothing to undo', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  const planned = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  t.match(planned.plan, { create: 0, update: 0, delete: 0 })
  const applied = await job.post(
    `/api/restores/${planned.id}/application`,
    { planHash: planned.planHash },
    201,
  )
  t.match(applied, { status: 'completed', preRestoreSnapshotId: null })
  await job.post(`/api/restores/${applied.id}/undo`, undefined, 409, 'RESTORE_NOT_UNDOABLE')
})

t.test('bad input', async (t) => {
  const job = await mainJob(t)
  const snapshot = await job.post('/api/snapshots', { dataset: 'video-library' }, 201)
  const nobody = '0199aaaa-0000-7000-8000-000000000000'
  await job.post('/api/restores', { snapshotId: nobody }, 404, 'SNAPSHOT_NOT_FOUND')
  await job.post('/api/restores', { snapshotId: snapshot.id, keys: ['Nowhere'] }, 422, 'KEY_NOT_IN_SNAPSHOT')
  await job.post('/api/restores', { snapshotId: snapshot.id, keys: [1] }, 400)
  await job.post('/api/restores', { snapshotId: snapshot.id, keys: [] }, 400)
  await job.post('/api/restores', { snapshotId: snapshot.id, mode: 'destroy' }, 400)
  await job.post('/api/restores', { snapshotId: snapshot.id, surprise: 1 }, 400)
  await job.post(`/api/restores/${nobody}/application`, { planHash: 'x' }, 404, 'RESTORE_UNKNOWN')
  await job.post(`/api/restores/..%2f..%2fetc/application`, { planHash: 'x' }, 400)
})

t.test('a month: what has left it since comes back to it', async (t: Test) => {
  const job = await mainJob(t)
  const [row] = await sql(
    job.source,
    `SELECT to_char(created_at AT TIME ZONE 'Asia/Kuala_Lumpur', 'YYYY-MM') AS month, count(*)::int AS n
    FROM chat.sessions GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
  )
  const month = row!.month as string
  const inMonth = `to_char(created_at AT TIME ZONE 'Asia/Kuala_Lumpur', 'YYYY-MM') = '${month}'`
  const before = await sql(job.source, `SELECT s::text FROM chat.sessions s WHERE ${inMonth} ORDER BY 1`)
  const snapshot = await job.post('/api/snapshots', { dataset: 'chat', scope: { month } }, 201)
  t.equal(snapshot.counts['chat.sessions'], row!.n)
  await sql(
    job.source,
    `UPDATE chat.sessions SET created_at = created_at + interval '400 days' WHERE ${inMonth} AND id IN (SELECT id FROM chat.sessions WHERE ${inMonth} ORDER BY id LIMIT 5)`,
  )
  await sql(
    job.source,
    `DELETE FROM chat.sessions WHERE id IN (SELECT id FROM chat.sessions WHERE ${inMonth} ORDER BY id DESC LIMIT 5)`,
  )
  const planned = await job.post('/api/restores', { snapshotId: snapshot.id }, 201)
  t.match(planned.plan, { create: 5, update: 5, delete: 0 })
  await job.post(`/api/restores/${planned.id}/application`, { planHash: planned.planHash }, 201)
  t.same(await sql(job.source, `SELECT s::text FROM chat.sessions s WHERE ${inMonth} ORDER BY 1`), before)
})
