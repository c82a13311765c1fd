import type { FastifyInstance } from 'fastify'
import type { EntityManager } from '../src/platform/database.ts'

/** How much there is to list. */
export interface CatalogueSize {
  snapshots: number
  items: number
  entries: number
}

/** What a filled catalogue is asked for. */
export interface Catalogue {
  snapshot: string
  batch: string
  entry: string
}

/**
 * Fills Holdfast's own tables by SQL with as much as years of use leave behind; what it writes fits the tables' rules
 * but is made up, hashes included. @returns ids from the middle of each
 */
export async function fillCatalogue(app: FastifyInstance, size: CatalogueSize): Promise<Catalogue> {
  const em = app.orm.em.fork()
  await em.execute(snapshots(size.snapshots))
  await em.execute(batch(size.items))
  await em.execute(items(size.items))
  await fillEntries(em, size.entries)
  for (const table of ['snapshots', 'batches', 'batch_items', 'audit_entries'])
    await em.execute(`VACUUM ANALYZE ${table}`)
  const one = async (sql: string) => (await em.execute<[{ id: string }]>(sql))[0].id
  return {
    snapshot: await one(`SELECT id FROM snapshots OFFSET ${size.snapshots >> 1} LIMIT 1`),
    batch: await one(`SELECT id FROM batches WHERE key = 'bench'`),
    entry: await one(`SELECT id FROM audit_entries WHERE seq = ${size.entries >> 1}`),
  }
}

/** Writes the entries first and their indexes afterwards: of millions that takes minutes instead of half an hour. */
async function fillEntries(em: EntityManager, count: number): Promise<void> {
  await em.transactional(async (work) => {
    const indexes = await work.execute<{ name: string; definition: string }[]>(
      `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
       WHERE indrelid = 'audit_entries'::regclass AND NOT indisunique`,
    )
    await work.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for (const { name } of indexes) await work.execute(`DROP INDEX ${name}`)
    await work.execute(entries(count))
    for (const { definition } of indexes) await work.execute(definition)
  })
}

/** An id of version 7 for each minute back from now, so that ids and times sort alike. */
const idOf = (n: string) =>
  `encode(decode(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - ${n}::bigint * 60000), 12, '0') || '7000' || '8000' || lpad(to_hex(${n}::bigint), 12, '0'), 'hex'), 'hex')::uuid`

const datasets = `(ARRAY['chat', 'conversations', 'deal-rooms', 'legacy-import', 'video-library'])[1 + n % 5]`

function snapshots(count: number): string {
  return `INSERT INTO snapshots (id, dataset, scope, trigger, status, title, hold, expires_at, created_by, created_at,
      started_at, finished_at, attempts, progress_records, progress_bytes, taken_at, key, sha256, bytes, stored_bytes,
      counts, stats, frames_sha256, verified_at, error, store_due)
    SELECT ${idOf('n')}, ${datasets}, '{"all": true}', (ARRAY['manual', 'scheduled', 'pre_restore'])[1 + n % 3],
      CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 7 = 0 THEN 'expired' ELSE 'completed' END, 'Snapshot ' || n,
      n % 50 = 0, now() + n * interval '1 hour', 'admin', at, at, at, 1, 1000, 1000000, at, 'bench/' || n,
      encode(sha256(n::text::bytea), 'hex'), 1000000, 100000, '{"sessions": 1000, "messages": 20000}', '{}',
      encode(sha256(n::text::bytea), 'hex'), at,
      CASE WHEN n % 20 = 0 THEN '{"code": "STORE_UNREACHABLE", "detail": "The store could not be reached."}'::jsonb END, false
    FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(1, ${count}) AS n) AS made`
}

function batch(count: number): string {
  return `INSERT INTO batches (id, key, title, way, context, origin_type, max_attempts, checkpoint_every, digest, status,
      total, completed, failed, earlier_settled, sampled_settled, created_at, runs)
    VALUES (${idOf('0')}, 'bench', 'A large batch', 'application', '{}', 'request', 3, 1, 'bench', 'paused',
      ${count}, ${Math.floor(count * 0.9)}, ${Math.floor(count * 0.05)}, 0, 0, now(), 0)`
}

function items(count: number): string {
  return `INSERT INTO batch_items (batch_id, id, state, attempts, failures, settled_at, payload, result, error)
    SELECT (SELECT id FROM batches WHERE key = 'bench'), 'item ' || n,
      CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 20 = 1 THEN 'pending' ELSE 'completed' END, 1, (n % 20 = 0)::int, now(),
      json_build_object('topic', 'topic ' || n), NULL,
      CASE WHEN n % 20 = 0 THEN json_build_object('code', 'E' || n % 7, 'detail', 'It failed.') END
    FROM generate_series(1, ${count}) AS n`
}

function entries(count: number): string {
  return `INSERT INTO audit_entries (seq, id, at, actor_type, actor_id, actor_name, actor_email, actor_role, action,
      outcome, entity_type, entity_ids, dataset, request_id, address, metadata, previous_hash, hash)
    SELECT last + n, ${idOf(`(${count} - n)`)}, now() - (${count} - n) * interval '1 second', 'user', 'user-' || n % 50,
      'Person ' || n % 50, 'person' || n % 50 || '@example.com', 'operator',
      (ARRAY['snapshot.created', 'snapshot.downloaded', 'restore.planned', 'restore.completed', 'export.created'])[1 + n % 5],
      CASE WHEN n % 100 = 0 THEN 'refused' WHEN n % 101 = 0 THEN 'failed' ELSE 'done' END, 'snapshot',
      ARRAY['entity-' || n / 10], ${datasets}, 'request-' || n, '192.0.2.1', '{}', repeat('0', 64), repeat('0', 64)
    FROM generate_series(1, ${count}) AS n, (SELECT coalesce(max(seq), 0) AS last FROM audit_entries) AS chain`
}
