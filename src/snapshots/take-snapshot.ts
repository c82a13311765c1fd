import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import type { Dataset } from '../datasets/definition.ts'
import { requireParty } from '../datasets/parties.ts'
import { keysOf, parseScope, type Scope } from '../datasets/scope.ts'
import { parseDuration } from '../platform/durations.ts'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import { scopeEmpty } from './errors.ts'
import { isBackup, requireFuture, snapshotRetention } from './expiry.ts'
import { artifactKey, snapshotDirectory } from './file-names.ts'
import { findCovering } from './find-covering.ts'
import { findMissingKeys } from './find-missing-keys.ts'
import { generateJob } from './generate-snapshot.ts'
import { Snapshot, untaken, type SnapshotTrigger } from './snapshot.ts'

export interface WantedSnapshot {
  dataset: string
  /** As it came; absent: all. */
  scope?: unknown
  trigger?: SnapshotTrigger
  title?: string | null
  note?: string | null
  /** Null: never; absent: as the dataset's retention says. */
  expiresAt?: Date | null
  /** A completed snapshot that covers the scope and is no older than this duration (`1h`) will do. */
  reuseWithin?: string
}

/**
 * Has a snapshot taken: it is queued when this resolves, or an earlier one is found that will do.
 * @throws Problem DATASET_…, SCOPE_INVALID, SCOPE_EMPTY naming the keys that don't exist, NOT_A_PARTY, FORBIDDEN,
 *   SNAPSHOT_OPTIONS_INVALID, SOURCE_…
 */
export async function takeSnapshot(
  app: FastifyInstance,
  wanted: WantedSnapshot,
  cause: Cause,
): Promise<{ snapshot: Snapshot; reused: boolean }> {
  const dataset = app.datasets.get(wanted.dataset)
  const scope = parseScope(wanted.scope, dataset)
  await requireParty(app, cause.actor, dataset, keysOf(scope), 'create')
  const now = app.clock.now()
  if (wanted.expiresAt) requireFuture(wanted.expiresAt, now)
  if (wanted.reuseWithin !== undefined) {
    const since = new Date(now.getTime() - parseDuration(wanted.reuseWithin))
    const found = await findCovering(app.orm.em, dataset, scope, since, cause.actor)
    if (found !== null) return { snapshot: found, reused: true }
  }
  await requireExisting(app, dataset, scope)
  const snapshot = await queue(app, dataset, scope, wanted, cause)
  await failpoint('snapshot.queued')
  return { snapshot, reused: false }
}

/** Naming a record that isn't there is a mistake; a month without records is not. */
async function requireExisting(app: FastifyInstance, dataset: Dataset, scope: Scope): Promise<void> {
  const missing = await findMissingKeys(app.datasets.source(dataset), dataset, scope)
  if (missing.length === 0) return
  const shown = missing.slice(0, 20).map((key) => JSON.stringify(key.length === 1 ? key[0] : key))
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : ''
  throw scopeEmpty(`${dataset.title} has no record ${shown.join(', ')}${more}.`)
}

async function queue(
  app: FastifyInstance,
  dataset: Dataset,
  scope: Scope,
  wanted: WantedSnapshot,
  cause: Cause,
): Promise<Snapshot> {
  const { title = dataset.policies.backup?.title ?? null, note = null, trigger = 'manual' } = wanted
  const [id, createdAt] = [newId(), app.clock.now()]
  return app.orm.em.fork().transactional(async (em) => {
    const snapshot = em.create(Snapshot, {
      ...untaken,
      id,
      dataset: dataset.name,
      scope,
      trigger,
      status: 'queued',
      title,
      note,
      hold: false,
      expiresAt:
        wanted.expiresAt === undefined ? expiryOf(app, dataset, scope, trigger, createdAt) : wanted.expiresAt,
      expiryChosen: wanted.expiresAt !== undefined,
      createdBy: cause.actor.email ?? cause.actor.name,
      createdAt,
      key: artifactKey(snapshotDirectory(dataset), { id, scope, createdAt }),
      restoreId: null,
      cleanupId: null,
    })
    await auditSnapshot(em, snapshot, 'requested', cause)
    await app.queue.enqueue(em, generateJob, { id }, id)
    return snapshot
  })
}

/** A backup stays until there are enough newer ones; everything else for the time that its dataset says. */
function expiryOf(
  { config }: FastifyInstance,
  dataset: Dataset,
  scope: Scope,
  trigger: SnapshotTrigger,
  now: Date,
): Date | null {
  if (isBackup(dataset, { scope, trigger })) return null
  const { expireAfterMs } = snapshotRetention(dataset, config.backupRetentionDays)
  return new Date(now.getTime() + expireAfterMs)
}
