import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import type { Dataset } from '../datasets/definition.ts'
import type { Scope } from '../datasets/scope.ts'
import { newId } from '../platform/entity.ts'
import { lockSnapshot, topicOf, type Attempt } from './attempts.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import { artifactKey, snapshotDirectory } from './file-names.ts'
import { trySettleStore } from './settle-store.ts'
import { Snapshot, untaken, type SnapshotError, type SnapshotTrigger } from './snapshot.ts'

/** What Holdfast captures itself before it overwrites or removes rows. */
export interface WantedSafetySnapshot {
  dataset: Dataset
  scope: Scope
  trigger: Extract<SnapshotTrigger, 'pre_restore' | 'pre_cleanup'>
  title: string
  /** What it is taken before: one of the two. */
  restoreId: string | null
  cleanupId: string | null
  createdBy: string | null
}

/** Records that a safety snapshot is about to be taken, and kept for as long as backups are. */
export async function openSafetySnapshot(
  app: FastifyInstance,
  { dataset, scope, ...wanted }: WantedSafetySnapshot,
): Promise<Attempt> {
  const now = app.clock.now()
  const id = newId()
  const key = artifactKey(snapshotDirectory(dataset), { id, scope, createdAt: now })
  await app.orm.em.fork().transactional(async (em) => {
    em.create(Snapshot, {
      ...untaken,
      ...wanted,
      ...{ id, scope, key, dataset: dataset.name, note: null, hold: false },
      ...{ status: 'generating', attempts: 1, createdAt: now, startedAt: now },
      expiresAt: new Date(now.getTime() + app.config.backupRetentionDays * 86_400_000),
    })
  })
  return { snapshotId: id, number: 1, key }
}

/** The safety snapshot of what changed nothing is of no use to anybody: it goes, its bytes too. */
export async function discardSnapshot(app: FastifyInstance, id: string, error: SnapshotError): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const snapshot = await lockSnapshot(em, id)
    if (snapshot === null || !snapshot.isUnfinished()) return
    const now = app.clock.now()
    snapshot.fail(error, now)
    snapshot.delete(now)
    const metadata = { error }
    await auditSnapshot(em, snapshot, 'discarded', { actor: systemActor }, { metadata, outcome: 'failed' })
    await app.signals.send(em, topicOf(id))
  })
  await trySettleStore(app, id)
}

/** Discards what an interrupted restore or cleanup was still capturing. */
export async function discardUnfinished(
  app: FastifyInstance,
  takenFor: { restoreId: string } | { cleanupId: string },
  error: SnapshotError,
): Promise<void> {
  const where = { ...takenFor, status: 'generating' } as const
  const unfinished = await app.orm.em.fork().find(Snapshot, where, { fields: ['id'] })
  for (const { id } of unfinished) await discardSnapshot(app, id, error)
}
