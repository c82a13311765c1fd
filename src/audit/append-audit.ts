import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Clock } from '../platform/clock.ts'
import type { EntityManager } from '../platform/database.ts'
import type { Actor } from './actor.ts'
import { canonicalJson, storable } from './canonical.ts'
import { PendingEntry } from './pending-entry.ts'
import { redact, redactText } from '../platform/redact.ts'

/** What happened, for the audit log. */
export interface AuditRecord {
  actor: Actor
  /** The noun and what was done to it: `snapshot.taken`. */
  action: string
  /** Default: done. */
  outcome?: 'done' | 'refused' | 'failed'
  /** The noun: `snapshot`. */
  entityType: string
  entityIds: string[]
  dataset?: string | undefined
  requestId?: string | undefined
  /** Where the request came from. */
  address?: string | undefined
  /** Whatever helps to understand it later; secrets in it are redacted. */
  metadata?: object | undefined
  /** The snapshot that preceded the change. */
  snapshotId?: string | undefined
}

/** The clock of each service's database, so that entries carry its time. */
const clocks = new WeakMap<EntityManager['config'], Clock>()

/** Tells which clock the entries of a database go by. */
export function useClock(em: EntityManager, clock: Clock): void {
  clocks.set(em.config, clock)
}

/**
 * Records what happened, within the entity manager's transaction: the change and its entry commit together or not at
 * all. Number, predecessor and hash are given in the moment of the commit, so it may be called anywhere in a verb.
 * @throws when there is no transaction
 */
export async function appendAudit(em: EntityManager, record: AuditRecord): Promise<void> {
  if (!em.isInTransaction())
    throw new Error(`${record.action}: an audit entry needs the change's transaction`)
  const { actor } = record
  await failpoint('audit.appending')
  await em.insert(PendingEntry, {
    id: newId(),
    at: clocks.get(em.config)?.now() ?? new Date(),
    actorType: actor.type,
    actorId: actor.id,
    actorName: storable(redactText(actor.name)),
    actorEmail: actor.email ?? null,
    actorRole: actor.role,
    action: record.action,
    outcome: record.outcome ?? 'done',
    entityType: record.entityType,
    entityIds: record.entityIds.map(storable),
    dataset: record.dataset ?? null,
    requestId: record.requestId ?? null,
    address: record.address ?? null,
    metadata: canonicalJson(redact(record.metadata ?? {})),
    snapshotId: record.snapshotId ?? null,
  })
  await failpoint('audit.appended')
}
