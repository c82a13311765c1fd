import t, { type Test } from 'tap'
import { sql } from '../support/postgres.ts'
import { snapshotService } from '../snapshots/service.ts'

t.test('records that point at each other from chunk to chunk go in further rounds', async (t: Test) => {
  const job = await snapshotService(t)
  // Each session belongs to the one before it: no chunk but the last can go at first.
  await sql(
    job.source,
    `ALTER TABLE chat.sessions ADD COLUMN continues bigint REFERENCES chat.sessions;
    CREATE INDEX ON chat.sessions (continues);
    UPDATE chat.sessions s SET continues = p.id FROM (SELECT id, lag(id) OVER (ORDER BY id) AS before FROM chat.sessions) b
      JOIN chat.sessions p ON p.id = b.before WHERE b.id = s.id`,
  )
  const [{ n }] = (await sql(job.source, 'SELECT count(*)::int AS n FROM chat.sessions')) as [{ n: number }]
  t.ok(n > 1000, `${n} sessions are more than one chunk`)
  const wanted = { dataset: 'chat', scope: { all: true }, target: 'records' }
  const { body: preview } = await job.call('POST', '/cleanups', wanted)
  const done = await job.call(
    'POST',
    '/cleanups',
    { ...wanted, confirmDelete: true, planHash: preview['planHash'] },
    { prefer: 'wait=60' },
  )
  t.match(done.body, { status: 'completed', counts: { removed: n, left: 0 } })
  t.same(await sql(job.source, 'SELECT count(*)::int AS n FROM chat.sessions'), [{ n: 0 }])
})

t.test('stopped on the way it says what was done, and that can be undone', async (t: Test) => {
  const job = await snapshotService(t)
  const before = await sql(
    job.source,
    'SELECT count(*)::int AS n, md5(string_agg(s::text, chr(10) ORDER BY id)) AS hash FROM chat.sessions s',
  )
  const wanted = { dataset: 'chat', scope: { all: true }, target: 'records' }
  const { body: preview } = await job.call('POST', '/cleanups', wanted)
  const started = await job.call('POST', '/cleanups', {
    ...wanted,
    confirmDelete: true,
    planHash: preview['planHash'],
  })
  t.equal(started.status, 202)
  const path = `/cleanups/${started.body.id}`
  const removing = async () => ((await job.call('GET', path)).body.status === 'capturing' ? null : true)
  await job.app.signals.waitFor(`cleanup:${started.body.id}`, removing, 30_000)
  await job.call('POST', `${path}/cancellation`)
  await job.call('GET', `${path}/events`)
  const { body } = await job.call('GET', path)
  const counts = body['counts'] as unknown as { removed: number; remaining: number; left: number }
  t.match(body.status, /cancelled|completed/)
  t.equal(counts.removed + counts.remaining + counts.left, before[0]!.n)
  t.same(await sql(job.source, 'SELECT count(*)::int AS n FROM chat.sessions'), [
    { n: (before[0]!.n as number) - counts.removed },
  ])
  t.equal((await job.call('POST', `${path}/cancellation`)).status, 200, 'again is no error')
  if (counts.removed === 0) return
  const undo = await job.call('POST', `${path}/undo`, undefined, { prefer: 'wait=60' })
  await job.call(
    'POST',
    `/restores/${undo.body.id}/application`,
    { planHash: undo.body['planHash'] },
    { prefer: 'wait=60' },
  )
  t.same(
    await sql(
      job.source,
      'SELECT count(*)::int AS n, md5(string_agg(s::text, chr(10) ORDER BY id)) AS hash FROM chat.sessions s',
    ),
    before,
  )
})

t.test('a copy that turns out damaged removes nothing', async (t: Test) => {
  const job = await snapshotService(t)
  const wanted = { dataset: 'chat', scope: { all: true }, target: 'records' }
  const { body: preview } = await job.call('POST', '/cleanups', wanted)
  const { main } = job.app.stores
  const { get } = main
  let manifests = 0
  // Good when it is read back, damaged from then on.
  main.get = async (key, range) => {
    const stream = await get.call(main, key, range)
    if (!key.endsWith('.manifest.json'))
      return manifests > 0
        ? stream.map((chunk: Buffer) => Buffer.from(chunk.map((byte) => byte ^ 1)))
        : stream
    manifests++
    return stream
  }
  const done = await job.call(
    'POST',
    '/cleanups',
    { ...wanted, confirmDelete: true, planHash: preview['planHash'] },
    { prefer: 'wait=60' },
  )
  t.match(done.body, { status: 'completed', counts: { removed: 0, leftCounts: { REFUSED: Number } } })
  t.match((await job.call('GET', `/cleanups/${done.body.id}`)).body['left'], [{ detail: /SNAPSHOT_CORRUPT/ }])
})
