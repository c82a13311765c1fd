import { createHash } from 'node:crypto'

/** An entry as the chain holds it. */
export interface ChainedEntry {
  seq: number
  id: string
  /** UTC to the microsecond: `2026-11-20T19:06:19.123000Z`. */
  at: string
  actorType: string
  actorId?: string | null | undefined
  actorName: string
  actorEmail?: string | null | undefined
  actorRole: string
  action: string
  outcome: string
  entityType: string
  entityIds: string[]
  dataset?: string | null | undefined
  requestId?: string | null | undefined
  address?: string | null | undefined
  /** Canonical JSON (RFC 8785). */
  metadata: string
  snapshotId?: string | null | undefined
  previousHash: string
  hash: string
}

/** What the first entry names as the hash of the one before it. */
export const genesis = '0'.repeat(64)

/** The hash of an entry: SHA-256, in lower-case hexadecimal, of what `hashedText` gives. */
export function hashOf(entry: ChainedEntry, seq = entry.seq): string {
  return createHash('sha256').update(hashedText(entry, seq)).digest('hex')
}

/**
 * What the hash of an entry covers: the UTF-8 text of a JSON array without white space, of strings and nulls, in this order: "holdfast-audit-1", number, previous hash, id, time, actor's type, id, name, email
 * and role, action, outcome, entity type, entity ids (the text of a JSON array), dataset, request id, address, metadata
 * (the text of an RFC 8785 object), snapshot id. Strings are escaped as JSON.stringify does, and as PostgreSQL's
 * array_to_json does in the trigger `audit_seal`.
 * @param seq another number than the entry's own, to see whether it was written as that
 */
export function hashedText(entry: ChainedEntry, seq = entry.seq): string {
  const fields = [
    'holdfast-audit-1',
    String(seq),
    entry.previousHash,
    entry.id,
    entry.at,
    entry.actorType,
    entry.actorId ?? null,
    entry.actorName,
    entry.actorEmail ?? null,
    entry.actorRole,
    entry.action,
    entry.outcome,
    entry.entityType,
    JSON.stringify(entry.entityIds),
    entry.dataset ?? null,
    entry.requestId ?? null,
    entry.address ?? null,
    entry.metadata,
    entry.snapshotId ?? null,
  ]
  return JSON.stringify(fields)
}
