import { createHash } from 'node:crypto'
import type pg from 'pg'

/** The audit chain recomputed from its published description, with PostgreSQL's text of each field. */
const entries = `
  SELECT seq::text, previous_hash AS previous, hash,
    to_json(ARRAY['holdfast-audit-1', seq::text, previous_hash, id::text,
      to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor_type, actor_id::text, actor_name, actor_email,
      actor_role, action, outcome, entity_type, to_json(entity_ids)::text, dataset, request_id, address, metadata,
      snapshot_id::text])::text AS fields
  FROM audit_entries ORDER BY audit_entries.seq`

/** @returns what is wrong with the chain; nothing when it is whole */
export async function breaksIn(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ seq: string; previous: string; hash: string; fields: string }>(
    entries,
  )
  const found: string[] = []
  let last = '0'.repeat(64)
  for (const [i, { seq, previous, hash, fields }] of rows.entries()) {
    const wanted = createHash('sha256')
      .update(JSON.stringify(JSON.parse(fields)))
      .digest('hex')
    if (Number(seq) !== i + 1) found.push(`audit entry ${i + 1} has number ${seq}`)
    if (previous !== last) found.push(`audit entry ${seq} does not follow the one before`)
    if (wanted !== hash) found.push(`audit entry ${seq} does not hash to what it says`)
    last = hash
  }
  const { rowCount } = await client.query('SELECT FROM audit_pending')
  if (rowCount !== 0) found.push(`${rowCount} audit entries never got into the chain`)
  return found.slice(0, 5)
}
