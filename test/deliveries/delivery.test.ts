import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findDelivery } from '../../src/deliveries/find-deliveries.ts'
import { presentDelivery } from '../../src/deliveries/present-delivery.ts'
import { safePath, oneDriveNames } from '../../src/deliveries/safe-names.ts'
import type { Body } from '../snapshots/service.ts'
import { movableClock } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { s3Server } from '../support/s3-server.ts'
import {
  deliveryService,
  expectedHashes,
  filesIn,
  filesInStore,
  filesOnDrive,
  snapshotOf,
} from './service.ts'

const clock = movableClock()
const bucket = await s3Server(t)
const service = await deliveryService(t, {
  clock,
  environment: { HOLDFAST_STORE_ARCHIVE_URL: bucket.url },
})
const { call, graph, root, sessions, documents, source } = service
const [session, other] = sessions as [string, string]
await snapshotOf(service, sessions)

const prefer = { prefer: 'wait=30' }
const scope = { keys: [session] }

function request(destination: object, more: object = {}, headers = {}) {
  const token = (destination as { type: string }).type === 'onedrive' ? { accessToken: 'a-token' } : {}
  return call(
    'POST',
    '/deliveries',
    { dataset: 'legacy-import', scope, destination, ...token, ...more },
    headers,
  )
}

async function delivered(destination: object, more: object = {}): Promise<Body> {
  const { status, body, raw } = await request(destination, more, prefer)
  if (status !== 201) throw new Error(`${status} ${raw.body}`)
  return body
}

async function indexOf(id: string) {
  const json = (await call('GET', `/deliveries/${id}/index`)).raw
  const csv = (await call('GET', `/deliveries/${id}/index?format=csv`)).raw
  return { json: JSON.parse(json.body) as { files: { path: string; sha256: string }[] }, csv: csv.body }
}

/** Each file is there once with the right bytes, none is missing, and the index has a line for each. */
async function isComplete(t: Test, body: Body, held: { path: string; sha256: string }[], folder: string) {
  const expected = await expectedHashes(source, session)
  t.same(held.map(({ sha256 }) => sha256).sort(), expected, 'each file once, with the right bytes')
  const { json, csv } = await indexOf(body.id)
  const lines = json.files.map(({ path, sha256 }) => `${path} ${sha256}`)
  t.same(
    lines.sort(),
    held.map(({ path, sha256 }) => `${folder}/${path} ${sha256}`).sort(),
    'and a line each',
  )
  t.equal(csv.trimEnd().split('\r\n').length, expected.length + 1)
  t.match(body['progress'], { total: expected.length, completed: expected.length, failed: 0, pending: 0 })
}

t.test('into a folder, by category, with an index', async (t) => {
  const body = await delivered({ type: 'folder', path: 'firm/archive' }, { title: 'To the firm' })
  t.match(body, { status: 'completed', title: 'To the firm', gateSkipped: false, error: null, notes: [] })
  await isComplete(t, body, await filesIn(join(root, 'firm/archive')), 'firm/archive')
  const index = await readFile(join(root, `firm/archive/delivery-${body.id}.csv`), 'utf8')
  t.equal(index, (await indexOf(body.id)).csv, 'the index went along')
  const [document] = await sql(
    source,
    `SELECT category, file_name AS name FROM legacy_import.documents WHERE session_id = $1 AND category IS NOT NULL
     ORDER BY id LIMIT 1`,
    [session],
  )
  t.ok(
    (await filesIn(join(root, 'firm/archive'))).some(({ path }) =>
      path.startsWith(`${String(document!['category']).replace('/', '_')}/`),
    ),
  )
  t.ok((await filesIn(join(root, 'firm/archive'))).some(({ path }) => path.startsWith('(none)/')))
})

t.test('into a bucket', async (t) => {
  const body = await delivered({ type: 's3', store: 'archive', prefix: 'firm' })
  t.equal(body.status, 'completed')
  await isComplete(t, body, await filesInStore(bucket.url, 'firm'), 'firm')
})

t.test('to OneDrive', async (t) => {
  const body = await delivered({ type: 'onedrive', folder: 'Firm' })
  t.equal(body.status, 'completed')
  await isComplete(t, body, filesOnDrive(graph, 'Firm'), 'Firm')
  t.equal(body['hasToken'], false, 'the token is wiped')
  t.same(graph.violations, [])
  const names = filesOnDrive(graph, 'Firm').map(({ path }) => path.toLowerCase())
  t.equal(new Set(names).size, names.length)
})

t.test('names that collide are numbered in the order of the keys, whatever their case', async (t) => {
  const body = await delivered({ type: 'onedrive', folder: 'Again' })
  const rows = await sql(
    source,
    `SELECT storage_key AS key, coalesce(category, '(none)') AS category, file_name AS name
     FROM legacy_import.documents WHERE session_id = $1 ORDER BY id`,
    [session],
  )
  const seen = new Set<string>()
  const expected = rows.map(({ key, category, name }) => {
    for (let n = 1; ; n++) {
      const path = safePath(['Again', String(category)], String(name), n, oneDriveNames)
      if (seen.has(path.toLowerCase())) continue
      seen.add(path.toLowerCase())
      return `${path} ${String(key)}`
    }
  })
  const { json } = await indexOf(body.id)
  const files = json.files as unknown as { path: string; source: string }[]
  t.same(files.map((file) => `${file.path} ${file.source}`).sort(), expected.sort())
  t.ok(
    expected.some((line) => / \(2\)\.\w+ /.test(line)),
    'the sample has names that collide',
  )
})

t.test('the answer says when the originals go', async (t) => {
  const { status, body, raw } = await request({ type: 'folder', path: 'when' })
  t.equal(status, 202)
  t.equal(raw.headers.location, `/api/deliveries/${body.id}`)
  const inAWeek = new Date(clock.at + 7 * 86_400_000).toISOString()
  t.match(body['backup'], { snapshotAt: /^\d{4}-.*Z$/, cleanupScheduledAt: inAWeek, retentionDays: 7 })
  const batch = await call('GET', `/batches/${String(body['batchId'])}`)
  t.match(batch.body, { id: body['batchId'], origin: { type: 'delivery', id: body.id } })
  const events = await call('GET', `/deliveries/${body.id}/events`)
  t.match(events.raw.body, /event: done\nid: .*\ndata: .*"status":"completed"/)
})

t.test(
  'when all is delivered the originals are planned to go, and only those that were delivered',
  async (t) => {
    const third = sessions[2]!
    const added = `sessions/${third}/added-since.txt`
    graph.misbehave('put', { kind: 'full' })
    const wanted = { scope: { keys: [third] } }
    const { body } = await request({ type: 'onedrive', folder: 'Planned' }, wanted, prefer)
    t.match(body, { status: 'paused', cleanupId: null })
    const none = await call('GET', '/cleanups?dataset=legacy-import')
    t.same(
      none.body.items.filter(({ scope }) => JSON.stringify(scope).includes(third)),
      [],
    )
    await sql(
      source,
      `INSERT INTO legacy_import.documents (session_id, file_name, storage_key, size_bytes) VALUES ($1, 'a', $2, 1)`,
      [third, added],
    )
    await writeFile(join(documents, added), '!')
    await call('POST', `/batches/${String(body['batchId'])}/resumption`, {})
    await call('GET', `/deliveries/${body.id}/events`)
    const after = (await call('GET', `/deliveries/${body.id}`)).body
    const inAWeek = new Date(clock.at + 7 * 86_400_000).toISOString()
    t.match(after, { status: 'completed', notes: [], backup: { cleanupScheduledAt: inAWeek } })
    const cleanup = (await call('GET', `/cleanups/${String(after['cleanupId'])}`)).body
    t.match(cleanup, { status: 'pending', target: 'files', dueAt: inAWeek, plan: { objects: 24, kept: 1 } })
    t.match(JSON.stringify(cleanup), /UNDELIVERED/)
    const [noted] = await sql(
      source,
      `SELECT to_json(last_snapshot_at AT TIME ZONE 'UTC') AS taken, to_json(cleanup_scheduled_at AT TIME ZONE 'UTC') AS goes
     FROM legacy_import.sessions WHERE id = $1`,
      [third],
    )
    const { snapshotAt } = after['backup'] as { snapshotAt: string }
    t.equal(
      Date.parse(`${String(noted!['taken'])}Z`),
      Date.parse(snapshotAt),
      'the session knows its snapshot',
    )
    t.equal(Date.parse(`${String(noted!['goes'])}Z`), Date.parse(inAWeek), 'and when its files go')
  },
)

t.test('without a snapshot, or with an old one, it is refused; skipping the check is recorded', async (t) => {
  clock.at += 2 * 3_600_000
  t.match((await request({ type: 'folder', path: 'stale' })).body, { code: 'SNAPSHOT_STALE' })
  await sql(service.app.config.databaseUrl!, "UPDATE snapshots SET status = 'expired'")
  t.match((await request({ type: 'folder', path: 'none' })).body, { code: 'SNAPSHOT_REQUIRED' })
  const body = await delivered({ type: 'folder', path: 'skipped' }, { skipSnapshotCheck: true })
  t.match(body, { gateSkipped: true, snapshotId: null, backup: { snapshotAt: null, retentionDays: 7 } })
  const { items } = (await call('GET', '/audit?action=gate.skipped')).body
  t.match(items[0], { metadata: { operation: 'delivery' } })
  await sql(service.app.config.databaseUrl!, "UPDATE snapshots SET status = 'completed'")
  clock.at -= 2 * 3_600_000
})

t.test(
  'what failed is listed with its reason, keeps the originals, and is retried through the batch',
  async (t) => {
    const [missing, shorter] = await sql(
      source,
      'SELECT storage_key AS key FROM legacy_import.documents WHERE session_id = $1 ORDER BY id LIMIT 2',
      [other],
    )
    const paths = [missing, shorter].map((row) => join(documents, String(row!['key'])))
    const originals = await Promise.all(paths.map((path) => readFile(path)))
    await rm(paths[0]!)
    await writeFile(paths[1]!, originals[1]!.subarray(1))
    const body = await delivered({ type: 'folder', path: 'partly' }, { scope: { keys: [other] } })
    t.match(body, {
      status: 'completed_with_failures',
      progress: { failed: 2 },
      backup: { cleanupScheduledAt: null },
    })
    const batch = `/batches/${String(body['batchId'])}`
    const { items } = (await call('GET', `${batch}/items?status=failed`)).body
    t.same(
      items.map(({ error }) => (error as { code: string }).code),
      ['DELIVERY_ORIGINAL_MISSING', 'DELIVERY_ORIGINAL_DIFFERS'],
    )
    for (const [i, path] of paths.entries()) await writeFile(path, originals[i]!)
    t.equal((await call('POST', `${batch}/resumption`, { retryFailed: true })).status, 200)
    await call('GET', `/deliveries/${body.id}/events`)
    const after = (await call('GET', `/deliveries/${body.id}`)).body
    t.match(after, { status: 'completed', progress: { failed: 0 }, backup: { cleanupScheduledAt: /Z$/ } })
    const expected = await expectedHashes(source, other)
    t.same((await filesIn(join(root, 'partly'))).map(({ sha256 }) => sha256).sort(), expected)
  },
)

t.test('an expired token pauses the delivery until another is given', async (t) => {
  graph.misbehave('put', { kind: 'unauthorized' })
  const body = await call(
    'POST',
    '/deliveries',
    {
      dataset: 'legacy-import',
      scope,
      destination: { type: 'onedrive', folder: 'Expired' },
      accessToken: 'a-token',
    },
    prefer,
  )
  t.equal(body.status, 202)
  t.match(body.body, { status: 'paused', pausedReason: /expired or was revoked.*\/token/, hasToken: false })
  const { id } = body.body
  graph.tokens.add('a-new-token')
  const renewed = await call('POST', `/deliveries/${id}/token`, { accessToken: 'a-new-token' })
  t.match(renewed.body, { status: 'delivering', hasToken: true, pausedReason: null })
  await call('GET', `/deliveries/${id}/events`)
  const after = (await call('GET', `/deliveries/${id}`)).body
  t.match(after, { status: 'completed', hasToken: false, notes: [] })
  await isComplete(t, after, filesOnDrive(graph, 'Expired'), 'Expired')
  t.match((await call('POST', `/deliveries/${id}/token`, { accessToken: 'x' })).body, {
    code: 'DELIVERY_OVER',
  })
  graph.tokens.add('a-token')
})

t.test('a full drive pauses, and resuming the batch goes on', async (t) => {
  graph.misbehave('put', { kind: 'full' })
  const { body } = await request({ type: 'onedrive', folder: 'Full' }, {}, prefer)
  t.match(body, { status: 'paused', pausedReason: /no room left/, hasToken: true })
  t.match((await call('GET', '/deliveries?status=paused')).body.items, [{ id: body.id }])
  await call('POST', `/batches/${String(body['batchId'])}/resumption`, {})
  await call('GET', `/deliveries/${body.id}/events`)
  t.match((await call('GET', `/deliveries/${body.id}`)).body, { status: 'completed' })
})

t.test('one that is cancelled ends, keeps what is delivered and plans no cleanup', async (t) => {
  graph.misbehave('put', { kind: 'full' })
  const { body } = await request({ type: 'onedrive', folder: 'Cancelled' }, {}, prefer)
  const cancelled = await call('POST', `/deliveries/${body.id}/cancellation`)
  t.match(cancelled.body, { status: /cancell/ })
  await call('GET', `/deliveries/${body.id}/events`)
  for (let i = 0; i < 2; i++)
    t.match((await call('POST', `/deliveries/${body.id}/cancellation`)).body, {
      status: 'cancelled',
      hasToken: false,
      backup: { cleanupScheduledAt: null },
    })
})

t.test('the token is nowhere to be read', async (t) => {
  const secret = 'eyJ-a-very-secret-token'
  graph.misbehave('put', { kind: 'full' })
  graph.tokens.add(secret)
  const destination = { type: 'onedrive', folder: 'Secret' }
  const { body } = await request(destination, { accessToken: secret }, prefer)
  const dump = await sql(
    service.app.config.databaseUrl!,
    `SELECT (SELECT json_agg(d) FROM deliveries d)::text || (SELECT json_agg(a) FROM audit_entries a)::text
       || (SELECT json_agg(b) FROM batches b)::text || (SELECT json_agg(i) FROM batch_items i)::text AS all`,
  )
  t.notMatch(String(dump[0]!['all']), secret)
  t.match(String(dump[0]!['all']), body.id)
  t.notMatch(JSON.stringify(body), secret)
  await call('POST', `/deliveries/${body.id}/cancellation`)
})

t.test('what can be known to be wrong is refused at once', async (t) => {
  const wrong: [object, RegExp][] = [
    [{ type: 'folder' }, /path is required/],
    [{ type: 'folder', path: '../up' }, /names with/],
    [{ type: 'folder', path: '/etc' }, /names with/],
    [{ type: 'folder', path: 'a', store: 'archive' }, /store is not known/],
    [{ type: 's3', store: 'nowhere' }, /not configured/],
    [{ type: 's3', store: 'documents' }, /not a bucket/],
    [{ type: 'onedrive', folder: 'a:b' }, /names with/],
  ]
  for (const [destination, detail] of wrong)
    t.match((await request(destination)).body, { code: 'DELIVERY_OPTIONS_INVALID', detail })
  const base = { dataset: 'legacy-import', scope }
  const without = { ...base, destination: { type: 'onedrive' } }
  t.match((await call('POST', '/deliveries', without)).body, { code: 'DELIVERY_OPTIONS_INVALID' })
  const files = { dataset: 'chat', destination: { type: 'folder', path: 'a' } }
  t.match((await call('POST', '/deliveries', files)).body, { code: 'DELIVERY_WITHOUT_FILES' })
  const unknown = { ...base, destination: { type: 'folder', path: 'a' }, more: 1 }
  t.match((await call('POST', '/deliveries', unknown)).body, { code: 'VALIDATION_FAILED' })
  t.match((await call('GET', '/deliveries/01890000-0000-7000-8000-000000000000')).body, {
    code: 'DELIVERY_UNKNOWN',
  })
})

t.test('deliveries are listed, newest first', async (t) => {
  const first = (await call('GET', '/deliveries?limit=2')).body
  const second = (await call('GET', `/deliveries?limit=2&cursor=${first.nextCursor}`)).body
  const ids = [...first.items, ...second.items].map(({ id }) => id)
  t.same(ids, ids.toSorted().toReversed())
  t.equal(new Set(ids).size, 4)
  t.ok((await call('GET', '/deliveries?status=completed&dataset=legacy-import')).body.items.length > 3)
  t.same((await call('GET', '/deliveries?dataset=chat')).body.items, [])
})

t.test('a delivery that was read before its end is not over, though its batch is', async (t) => {
  const { body } = await request({ type: 'folder', path: 'read early' }, {}, prefer)
  t.equal(body.status, 'completed')
  const delivery = await findDelivery(service.app.orm.em.fork(), body.id)
  delivery.status = 'delivering'
  t.equal((await presentDelivery(service.app, delivery)).status, 'delivering')
})
