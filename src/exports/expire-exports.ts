import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { lockExport, topicOf } from './attempts.ts'
import { auditExport } from './audit-export.ts'
import { Export } from './export.ts'
import { trySettleStore } from './settle-store.ts'

/** How many are looked up at a time. */
const batch = 500

/**
 * Ends the exports whose time is over: their bytes go, their descriptions stay.
 * @param signal stops between two of them
 * @returns how many ended
 */
export async function expireExports(
  app: FastifyInstance,
  cause: Cause,
  signal?: AbortSignal,
): Promise<number> {
  for (let expired = 0; ;) {
    const now = app.clock.now()
    const where = { status: 'completed', deletedAt: null, expiresAt: { $lte: now } } as const
    const due = await app.orm.em
      .fork()
      .find(Export, where, { fields: ['id'], orderBy: { expiresAt: 'asc' }, limit: batch })
    for (const { id } of due) {
      signal?.throwIfAborted()
      if (await expireOne(app, id, now, cause)) expired++
    }
    if (due.length < batch) return expired
  }
}

/** @returns false when somebody else was first */
async function expireOne(app: FastifyInstance, id: string, now: Date, cause: Cause): Promise<boolean> {
  const isDue = await app.orm.em.fork().transactional(async (em) => {
    const exported = await lockExport(em, id)
    if (exported?.status !== 'completed' || exported.expiresAt === null || exported.expiresAt > now)
      return false
    exported.expire()
    await auditExport(em, exported, 'expired', cause, { metadata: { key: exported.key } })
    await app.signals.send(em, topicOf(id))
    return true
  })
  if (isDue) await trySettleStore(app, id)
  return isDue
}
