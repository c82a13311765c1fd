import { sql } from '../support/postgres.ts'
import { take, type Service } from '../snapshots/service.ts'

export const sizes = { snapshots: 10_000, items: 1_000_000, audit: 100_000, others: 2_000 }

/** Ids in the order of time, before those that are made meanwhile. */
const nthId = `CREATE FUNCTION nth_id(i int) RETURNS uuid IMMUTABLE LANGUAGE sql AS
  $$ SELECT ('01900000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid $$`

/** One of five datasets, and a time within the last year. */
const spread = `'dataset', (ARRAY['chat', 'conversations', 'deal-rooms', 'legacy-import', 'video-library'])[1 + i % 5],
  'created_at', now() - (i % 8760) * interval '1 hour'`

const failure = `jsonb_build_object('code', 'STORE_UNREACHABLE', 'detail', 'The store did not answer.')`

/** Fills a service's database with as much as a large one has, without the verbs: in seconds instead of hours. */
export async function fill(service: Service): Promise<void> {
  const own = service.app.config.databaseUrl!
  const originals = await makeOriginals(service)
  await sql(own, nthId)
  await withoutIndexes(own, 'snapshots', () =>
    sql(own, copies('snapshots', originals.snapshot, sizes.snapshots, snapshotFields)),
  )
  await sql(own, copies('restores', originals.restore, sizes.others, spread))
  await sql(
    own,
    copies('exports', originals.exported, sizes.others, `${spread}, 'key', 'copy-' || i, 'bytes', i * 1000`),
  )
  await sql(own, copies('cleanups', originals.cleanup, sizes.others, spread))
  await sql(
    own,
    copies('holds', originals.hold, sizes.others, `${spread}, 'key', jsonb_build_array(i)::text`),
  )
  await sql(
    own,
    copies('batches', originals.batch, sizes.others, `${spread}, 'key', 'copy-' || i, 'status', 'completed'`),
  )
  await sql(own, notices)
  const { body: schedules } = await service.call('GET', '/schedules')
  await sql(own, runs, [schedules['items'].map((one) => one['name'])])
  await withoutIndexes(own, 'batch_items', () => sql(own, items, [originals.batch]))
  await sql(
    own,
    `UPDATE batches SET total = ${sizes.items}, completed = ${sizes.items * 0.9}, failed = ${sizes.items * 0.05}, status = 'paused' WHERE id = $1`,
    [originals.batch],
  )
  await withoutIndexes(own, 'audit_entries', () => sql(own, audit))
  await sql(own, 'VACUUM ANALYZE')
}

/** One real thing of each kind, to be copied. */
async function makeOriginals(service: Service) {
  const { call } = service
  const taken = await take(service, {
    dataset: 'chat',
    scope: { keys: [1, 2, 3] },
    title: 'Before the import',
  })
  const settled = { prefer: 'wait=30' }
  const restore = await call('POST', '/restores', { snapshotId: taken.id }, settled)
  const exported = await call(
    'POST',
    '/exports',
    { dataset: 'chat', scope: { keys: [1] }, format: 'json' },
    settled,
  )
  const wanted = { dataset: 'chat', target: 'records', scope: { keys: [4] } }
  const preview = await call('POST', '/cleanups', wanted)
  const planHash = preview.body['planHash']
  const dueAt = new Date(Date.now() + 5 * 86_400_000).toISOString()
  const cleanup = await call('POST', '/cleanups', { ...wanted, confirmDelete: true, planHash, dueAt })
  const hold = await call('POST', '/holds', { dataset: 'chat', key: 9, reason: 'A dispute' })
  const batch = await call('POST', '/batches', { key: 'import', items: [{ id: 'one' }] })
  const made = { snapshot: taken.id, restore, exported, cleanup, hold, batch }
  return Object.fromEntries(
    Object.entries(made).map(([name, one]) => [name, typeof one === 'string' ? one : one.body.id]),
  ) as Record<keyof typeof made, string>
}

const snapshotFields = `${spread}, 'key', 'copy-' || i, 'title', 'Copy ' || i, 'stored_bytes', i % 5000,
  'trigger', (ARRAY['manual', 'pre_sync', 'scheduled', 'pre_restore', 'pre_cleanup'])[1 + i % 5], 'scope',
  CASE i % 3 WHEN 0 THEN '{"all": true}'::jsonb WHEN 1 THEN '{"month": "2026-10"}' ELSE '{"keys": ["1"]}' END,
  'taken_at', now() - (i % 8760) * interval '1 hour', 'expires_at', now() + i * interval '1 hour',
  'hold', i % 50 = 0, 'status', CASE WHEN i % 40 = 0 THEN 'failed' WHEN i % 41 = 0 THEN 'expired' ELSE 'completed' END,
  'error', CASE WHEN i % 40 = 0 THEN ${failure} END, 'finished_at', now() - (i % 8760) * interval '1 hour'`

function copies(table: string, id: string, count: number, fields: string): string {
  return `INSERT INTO ${table}
    SELECT (jsonb_populate_record(original, jsonb_build_object('id', nth_id(i), ${fields}))).*
    FROM ${table} original, generate_series(1, ${count}) i WHERE original.id = '${id}'`
}

const notices = `
  INSERT INTO notices (id, event, dataset, about_type, about_id, key, channel, lane, facts, status, attempts,
    next_attempt_at, give_up_at, maybe_repeated, delivered_at, error, created_at)
  SELECT nth_id(i), 'backup_failed', 'chat', 'snapshot', nth_id(i)::text, '', 'email', 'email',
    jsonb_build_object('dataset', 'chat', 'code', 'STORE_UNREACHABLE', 'detail', 'The store did not answer.'),
    CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'delivered' END, 1, now(), now(), false,
    CASE WHEN i % 10 <> 0 THEN now() END, CASE WHEN i % 10 = 0 THEN ${failure} END, now() - i * interval '1 minute'
  FROM generate_series(1, 20000) i`

const runs = `
  INSERT INTO schedule_runs (id, schedule, trigger, due_at, status, created_at, started_at, finished_at, attempts, counts)
  SELECT nth_id(i), ($1::text[])[1 + i % cardinality($1::text[])],
    'scheduled', at, 'completed', at, at, at, 1, '{}'
  FROM generate_series(1, 10000) i, LATERAL (SELECT now() - i * interval '1 hour' AS at) t`

const items = `
  INSERT INTO batch_items (batch_id, id, state, attempts, payload, error, settled_at)
  SELECT $1, 'item ' || lpad(i::text, 7, '0'), CASE WHEN i % 20 = 0 THEN 'failed' WHEN i % 20 = 1 THEN 'pending' ELSE 'completed' END, 1,
    json_build_object('value', i), CASE WHEN i % 20 = 0 THEN
      json_build_object('code', 'E' || i % 7, 'detail', 'Did not work') END, now()
  FROM generate_series(1, ${sizes.items}) i`

const audit = `
  INSERT INTO audit_entries (seq, id, at, actor_type, actor_id, actor_name, actor_email, actor_role, action, outcome,
    entity_type, entity_ids, dataset, request_id, address, metadata, previous_hash, hash)
  SELECT i + 1000, nth_id(i), now() - (${sizes.audit} - i) * interval '5 minutes', 'user', nth_id(i % 50)::text,
    'Person ' || i % 50, 'person' || i % 50 || '@example.com', 'operator',
    (ARRAY['snapshot.taken', 'snapshot.verified', 'snapshot.downloaded', 'export.requested'])[1 + i % 4],
    CASE WHEN i % 30 = 0 THEN 'refused' ELSE 'done' END, 'snapshot', ARRAY[nth_id(1 + i % ${sizes.snapshots})::text],
    (ARRAY['chat', 'conversations', 'deal-rooms', 'legacy-import', 'video-library'])[1 + i % 5], nth_id(i)::text,
    '10.0.0.1', '{}', repeat('0', 64), repeat('0', 64)
  FROM generate_series(1, ${sizes.audit}) i`

/** Indexes are made faster of what is there than while it comes. */
async function withoutIndexes(url: string, table: string, insert: () => Promise<unknown>): Promise<void> {
  const indexes = await sql(
    url,
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
     WHERE indrelid = $1::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`,
    [table],
  )
  for (const { name } of indexes) await sql(url, `DROP INDEX ${name as string}`)
  await insert()
  for (const { definition } of indexes) await sql(url, definition as string)
}
