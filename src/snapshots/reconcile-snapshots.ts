import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { generateJob } from './generate-snapshot.ts'
import { trySettleStore } from './settle-store.ts'
import { Snapshot } from './snapshot.ts'

/**
 * Sees to it, at the start and from then on, that nothing stays half done: a snapshot that waits or is generating has
 * a job, and the store is as the rows say. Any number of replicas may do it at the same time.
 */
export function keepReconciled(app: FastifyInstance): void {
  keepDoing(app, 'snapshots could not be reconciled', () => reconcileSnapshots(app))
}

/** Once. */
export async function reconcileSnapshots(app: FastifyInstance): Promise<void> {
  await requeueUnfinished(app)
  const due = await app.orm.em.fork().find(Snapshot, { storeDue: true }, { fields: ['id'], limit: 1000 })
  for (const { id } of due) await trySettleStore(app, id)
}

/**
 * Enqueuing does nothing where a job waits or runs. Safety snapshots are taken by the restore or the cleanup that needs
 * them, which fails them itself when it finds that it was interrupted.
 */
async function requeueUnfinished({ orm, queue }: FastifyInstance): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const where = { status: { $in: ['queued', 'generating'] }, restoreId: null, cleanupId: null } as const
    const unfinished = await em.find(Snapshot, where, { fields: ['id'] })
    for (const { id } of unfinished) await queue.enqueue(em, generateJob, { id }, id)
  })
}
