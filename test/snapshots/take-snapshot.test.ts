import t, { type Test } from 'tap'
import { captureScope } from '../../src/snapshots/capture-scope.ts'
import type { Snapshot } from '../../src/snapshots/snapshot.ts'
import { sql } from '../support/postgres.ts'
import { s3Server } from '../support/s3-server.ts'
import { readStore, storedKeys } from './read-store.ts'
import { snapshotService, take, token, type Service } from './service.ts'

t.test('a snapshot holds its scope, hashed, compressed and listed', async (t) => {
  await provesItself(t, await snapshotService(t))
})

t.test('the same in a bucket', async (t) => {
  const { url } = await s3Server(t)
  await provesItself(t, await snapshotService(t, { storeUrl: url }))
})

async function provesItself(t: Test, service: Service) {
  const snapshot = await take(service, { dataset: 'legacy-import', title: 'First', note: 'by hand' })
  t.match(snapshot, {
    dataset: 'legacy-import',
    scope: { all: true },
    trigger: 'manual',
    status: 'completed',
    title: 'First',
    note: 'by hand',
    hold: false,
    createdBy: 'bootstrap',
    attempts: 1,
    error: null,
    warnings: [],
    lastVerification: { ok: true, problems: [] },
  })
  const [artifact, ...others] = await readStore(service.app.stores.main)
  t.same(others, [])
  t.equal(artifact!.sha256, snapshot.sha256, 'sha256sum agrees')
  t.equal(artifact!.bytes, snapshot.bytes)
  t.equal(artifact!.key, snapshot.key)
  t.match(artifact!.key, /^backups\/legacy-import\/all\/\d{8}T\d{6}Z-[0-9a-f-]{36}\.json\.zst$/)
  t.same(artifact!.document.counts, snapshot.counts)
  t.same(artifact!.document.stats, snapshot.stats)
  t.match(artifact!.manifest, { id: snapshot.id, sha256: artifact!.sha256, title: 'First' })
  const [counted] = await sql(
    service.source,
    `SELECT (SELECT count(*)::int FROM legacy_import.sessions) AS sessions, count(*)::int AS documents,
            count(category)::int AS categorized, sum(size_bytes)::float8 AS bytes FROM legacy_import.documents`,
  )
  t.equal(snapshot.counts['legacy_import.sessions'], counted!['sessions'])
  t.equal(snapshot.counts['legacy_import.documents'], counted!['documents'])
  t.same(snapshot.stats, {
    totalDocuments: counted!['documents'],
    categorizedCount: counted!['categorized'],
    totalBytes: counted!.bytes,
  })
}

t.test('scopes', async (t) => {
  const service = await snapshotService(t)
  const { call, source } = service

  t.test('given keys, and nothing else', async (t) => {
    const names = await sql(source, 'SELECT name FROM video_library.categories ORDER BY id LIMIT 2')
    const keys = names.map(({ name }) => name)
    const snapshot = await take(service, { dataset: 'video-library', scope: { keys }, trigger: 'pre_sync' })
    t.match(snapshot, { scope: { keys }, trigger: 'pre_sync', counts: { 'video_library.categories': 2 } })
    const found = await readStore(service.app.stores.main)
    const artifact = found.find(({ key }) => key === snapshot.key)!
    t.same(artifact.document.records.map(({ name }) => name).sort(), keys.toSorted())
  })

  t.test('keys that do not exist are named, and nothing is taken', async (t) => {
    const scope = { keys: ['7', '900000001', '900000002'] }
    const answer = await call('POST', '/snapshots', { dataset: 'chat', scope })
    t.equal(answer.status, 422)
    t.match(answer.body, { code: 'SCOPE_EMPTY', errors: [{ pointer: '/scope/keys' }] })
    t.match(answer.body.detail, /"900000001", "900000002"/)
    t.notMatch(answer.body.detail, /"7"/)
    const list = await call('GET', '/snapshots?dataset=chat')
    t.same(list.body.items, [])
  })

  t.test('a month in the time zone of the dataset', async (t) => {
    const snapshot = await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
    const [counted] = await sql(
      source,
      `SELECT count(*)::int AS sessions FROM chat.sessions
        WHERE to_char(created_at AT TIME ZONE 'Asia/Kuala_Lumpur', 'YYYY-MM') = '2026-10'`,
    )
    t.equal(snapshot.counts['chat.sessions'], counted!['sessions'])
    t.match(snapshot.key, /^backups\/chat\/2026-10\//)
  })

  t.test('a month without records is a snapshot that says so', async (t) => {
    const snapshot = await take(service, { dataset: 'chat', scope: { month: '1999-01' } })
    t.match(snapshot, { status: 'completed', counts: { 'chat.sessions': 0 }, warnings: [/empty/] })
  })

  t.test('all of an empty table is a snapshot too', async (t) => {
    await sql(source, 'TRUNCATE conversations.conversations CASCADE')
    const snapshot = await take(service, { dataset: 'conversations' })
    t.match(snapshot, { status: 'completed', counts: { 'conversations.conversations': 0 } })
    const found = await readStore(service.app.stores.main)
    t.same(found.find(({ key }) => key === snapshot.key)!.document.records, [])
  })

  t.test('a record that goes between the request and the capture fails the snapshot', async (t) => {
    const wanted = { dataset: 'chat', scope: { keys: ['1', '900000001'] }, trigger: 'manual' } as Snapshot
    const { signal } = new AbortController()
    const target = {
      store: service.app.stores.main,
      key: 'gone.json.zst',
      onProgress: () => undefined,
      signal,
    }
    await t.rejects(captureScope(service.app, wanted, target), { code: 'SCOPE_EMPTY' })
  })
})

t.test('what is asked for wrongly', async (t) => {
  const { call, app } = await snapshotService(t)
  const wrong = async (body: object, status: number, code: string) => {
    const answer = await call('POST', '/snapshots', body)
    t.match({ status: answer.status, code: answer.body.code }, { status, code }, JSON.stringify(body))
  }
  await wrong({ dataset: 'nothing' }, 404, 'DATASET_UNKNOWN')
  await wrong({ dataset: 'chat', scope: { keys: [], all: true } }, 400, 'VALIDATION_FAILED')
  await wrong({ dataset: 'chat', scope: { keys: ['x'] } }, 400, 'SCOPE_INVALID')
  await wrong({ dataset: 'chat', scope: { all: true, month: '2026-10' } }, 400, 'SCOPE_INVALID')
  await wrong({ dataset: 'chat', trigger: 'pre_cleanup' }, 400, 'VALIDATION_FAILED')
  await wrong({ dataset: 'chat', title: 5 }, 400, 'VALIDATION_FAILED')
  await wrong({ dataset: 'chat', title: 'x'.repeat(201) }, 400, 'VALIDATION_FAILED')
  await wrong({ dataset: 'chat', reuseWithin: '1 hour' }, 400, 'VALIDATION_FAILED')
  await wrong({ dataset: 'chat', expiresAt: '2020-01-01T00:00:00Z' }, 422, 'SNAPSHOT_OPTIONS_INVALID')
  await wrong({ dataset: 'chat', colour: 'red' }, 400, 'VALIDATION_FAILED')
  t.same(await storedKeys(app.stores.main), [])
  t.same((await call('GET', '/snapshots')).body.items, [])
})

t.test('reuseWithin answers with a young snapshot that covers the scope', async (t) => {
  const clock = { time: new Date('2026-11-20T12:00:00Z'), now: () => clock.time }
  const service = await snapshotService(t, { clock })
  const all = await take(service, { dataset: 'chat' })
  clock.time = new Date('2026-11-20T12:59:00Z')
  const ask = (body: object) =>
    service.call('POST', '/snapshots', { dataset: 'chat', ...body }, { prefer: 'wait=60' })

  const month = await ask({ scope: { month: '2026-10' }, reuseWithin: '1h' })
  t.match({ status: month.status, id: month.body.id }, { status: 200, id: all.id })
  t.equal(month.raw.headers['location'], `/api/snapshots/${all.id}`)

  const young = await ask({ scope: { month: '2026-10' }, reuseWithin: '30m' })
  t.equal(young.status, 201, 'none is that young')
  const covered = await ask({ reuseWithin: '30m' })
  t.equal(covered.status, 201, 'a month does not cover everything')
  const same = await ask({ scope: { month: '2026-10' }, reuseWithin: '30m' })
  t.equal(same.body.id, covered.body.id, 'the latest that covers it')
})

t.test('202 at once, 201 when the caller waits, and the events to follow', async (t) => {
  const service = await snapshotService(t)
  const queued = await service.call('POST', '/snapshots', { dataset: 'chat' })
  t.match(queued, { status: 202, body: { status: /queued|generating/, sha256: null, key: null } })
  const path = String(queued.raw.headers['location'])
  t.equal(path, `/api/snapshots/${queued.body.id}`)
  const events = await service.app.inject({
    url: `${path}/events`,
    headers: { authorization: `Bearer ${token}` },
  })
  t.match(events.body, /event: done\nid: \S+\ndata: \{.*"status":"completed"/)
  const finished = await service.call('GET', path.slice(4))
  t.equal(finished.body.status, 'completed')
  const etag = String(finished.raw.headers['etag'])
  const again = await service.call('GET', path.slice(4), undefined, { 'if-none-match': etag })
  t.equal(again.status, 304)
})

t.test('who did what is in the audit log', async (t) => {
  const service = await snapshotService(t)
  const { id, sha256 } = await take(service, { dataset: 'chat', scope: { month: '2026-09' } })
  const { body } = await service.call('GET', `/audit?entityId=${id}`)
  t.match(body.items, [
    { action: 'snapshot.taken', dataset: 'chat', actor: { type: 'system' }, metadata: { sha256 } },
    { action: 'snapshot.started', metadata: { attempt: 1 } },
    { action: 'snapshot.requested', actor: { type: 'token' }, metadata: { scope: { month: '2026-09' } } },
  ])
  const titled = await take(service, { dataset: 'legacy-import' })
  t.equal(titled['title'], 'Categorization snapshot', 'as its dataset calls them')
  const said = (await service.call('GET', `/audit?entityId=${titled.id}&action=snapshot.taken`)).body
  t.match(said.items, [{ metadata: { title: 'Categorization snapshot' } }])
})
