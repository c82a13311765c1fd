import type { EntityManager } from '../platform/database.ts'
import type { ChainedEntry } from './chain.ts'

/** How many entries are in memory at once. */
const batch = 1000

/** By id as well, should somebody have managed to give a number twice. */
const nextEntries = `
  SELECT seq, id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
    actor_type AS "actorType", actor_id AS "actorId", actor_name AS "actorName", actor_email AS "actorEmail",
    actor_role AS "actorRole", action, outcome, entity_type AS "entityType", to_json(entity_ids) AS "entityIds",
    dataset, request_id AS "requestId", address, metadata, snapshot_id AS "snapshotId",
    previous_hash AS "previousHash", hash
  FROM audit_entries WHERE (seq, id) > (?, ?) ORDER BY seq, id LIMIT ${batch}`

/** All entries as they are stored, first to last, with flat memory. */
export async function* entriesInOrder(em: EntityManager): AsyncGenerator<ChainedEntry> {
  let position: [string | number, string] = ['-9223372036854775808', '00000000-0000-0000-0000-000000000000']
  for (;;) {
    const rows = await em.execute<(ChainedEntry & { seq: string })[]>(nextEntries, position)
    for (const row of rows) yield { ...row, seq: Number(row.seq) }
    const last = rows.at(-1)
    if (last === undefined || rows.length < batch) return
    position = [last.seq, last.id]
  }
}
