import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { keysOf, parseScope } from '../datasets/scope.ts'
import { newId } from '../platform/entity.ts'
import type { EntityManager } from '../platform/database.ts'
import type { KeyValue } from '../source/keys.ts'
import { holdProblems } from './errors.ts'
import { Hold, keyText } from './hold.ts'

export interface WantedHold {
  dataset: string
  /** As it came. */
  key: unknown
  reason: string
  until?: Date | null
}

/**
 * Holds a record: from now on no cleanup removes it and no restore deletes it, until the hold is lifted or over. The
 * record need not exist yet.
 * @throws Problem DATASET_…, SCOPE_INVALID pointing at the key, HOLD_OPTIONS_INVALID
 */
export async function holdRecord(app: FastifyInstance, wanted: WantedHold, cause: Cause): Promise<Hold> {
  const dataset = app.datasets.get(wanted.dataset)
  const [key] = keysOf(parseScope({ keys: [wanted.key] }, dataset, ''))!
  const now = app.clock.now()
  if (wanted.until && wanted.until <= now) {
    const detail = 'must be in the future'
    throw holdProblems.HOLD_OPTIONS_INVALID(`until ${detail}`, { errors: [{ pointer: '/until', detail }] })
  }
  return app.orm.em.fork().transactional(async (em) => {
    const hold = em.create(Hold, {
      ...{ id: newId(), dataset: dataset.name, key: keyText(key!), reason: wanted.reason },
      ...{ until: wanted.until ?? null, createdBy: cause.actor.email ?? cause.actor.name, createdAt: now },
    })
    await auditHold(em, hold, 'created', cause)
    return hold
  })
}

/** What became of a hold, in the audit log and in the transaction of the change. */
export async function auditHold(
  em: EntityManager,
  { id, dataset, key, reason, until }: Hold,
  done: 'created' | 'lifted',
  { actor, requestId, address }: Cause,
): Promise<void> {
  await appendAudit(em, {
    ...{ actor, requestId, address, dataset },
    action: `hold.${done}`,
    entityType: 'hold',
    entityIds: [id],
    metadata: { key: JSON.parse(key) as KeyValue[], reason, until: until?.toISOString() ?? null },
  })
}
