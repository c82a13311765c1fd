import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { topicOf } from '../batches/find-batches.ts'
import type { Dataset } from '../datasets/definition.ts'
import { requireParty } from '../datasets/parties.ts'
import { keysOf, parseScope, type Scope } from '../datasets/scope.ts'
import { requireGate, type GatePass } from '../gates/judge-gate.ts'
import { parseDuration } from '../platform/durations.ts'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Sealer } from '../platform/sealing.ts'
import { scopeEmpty } from '../snapshots/errors.ts'
import { findMissingKeys } from '../snapshots/find-missing-keys.ts'
import { auditDelivery } from './audit-delivery.ts'
import { Delivery } from './delivery.ts'
import { filesOf } from './files-of.ts'
import { prepareJob } from './prepare-delivery.ts'
import { parseDestination, type GivenDestination, type WantedDestination } from './wanted-destination.ts'

export interface WantedDelivery {
  dataset: string
  /** As it came; absent: all. */
  scope?: unknown
  destination: GivenDestination
  /** For OneDrive: a token of Microsoft's that may write there. Never stored in clear. */
  accessToken?: string
  /** Goes past the gate, for those who may. */
  skipSnapshotCheck?: boolean
  title?: string | null
}

/** How long after a complete delivery the originals go, where the dataset doesn't say. */
const defaultCleanupAfter = '7d'

/**
 * Has a scope's files delivered: it is being prepared when this resolves.
 * @throws Problem DATASET_…, SCOPE_INVALID, SCOPE_EMPTY naming the keys that don't exist, DELIVERY_WITHOUT_FILES,
 *   DELIVERY_OPTIONS_INVALID, STORE_UNKNOWN, SNAPSHOT_REQUIRED, SNAPSHOT_STALE, FORBIDDEN, SOURCE_…
 */
export async function requestDelivery(
  app: FastifyInstance,
  sealer: Sealer,
  wanted: WantedDelivery,
  cause: Cause,
): Promise<Delivery> {
  const dataset = app.datasets.get(wanted.dataset)
  const scope = parseScope(wanted.scope, dataset)
  await requireParty(app, cause.actor, dataset, keysOf(scope), 'download')
  app.stores.get(filesOf(dataset).store)
  const destination = parseDestination(app, wanted.destination, wanted.accessToken)
  await requireExisting(app, dataset, scope)
  const { skipSnapshotCheck = false } = wanted
  const gate = await requireGate(app, { dataset, scope, operation: 'delivery', skipSnapshotCheck }, cause)
  return queue(app, sealer, { dataset, scope, destination, gate }, wanted, cause)
}

async function requireExisting(app: FastifyInstance, dataset: Dataset, scope: Scope): Promise<void> {
  const missing = await findMissingKeys(app.datasets.source(dataset), dataset, scope)
  if (missing.length === 0) return
  const shown = missing.slice(0, 20).map((key) => JSON.stringify(key.length === 1 ? key[0] : key))
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : ''
  throw scopeEmpty(`${dataset.title} has no record ${shown.join(', ')}${more}.`)
}

interface Allowed {
  dataset: Dataset
  scope: Scope
  destination: WantedDestination
  gate: GatePass
}

async function queue(
  app: FastifyInstance,
  sealer: Sealer,
  { dataset, scope, destination, gate }: Allowed,
  { accessToken, title = null }: WantedDelivery,
  cause: Cause,
): Promise<Delivery> {
  const [id, batchId, createdAt] = [newId(), newId(), app.clock.now()]
  const sealedToken = accessToken === undefined ? null : await sealer.seal(accessToken, id)
  const cleanupAfter = filesOf(dataset).cleanupAfter ?? defaultCleanupAfter
  const requested = await app.orm.em.fork().transactional(async (em) => {
    const delivery = em.create(Delivery, {
      ...{ id, batchId, dataset: dataset.name, scope, title, destination, sealedToken },
      status: 'preparing',
      gateSkipped: gate.skipped,
      snapshotId: gate.snapshotId,
      snapshotAt: gate.snapshotAt,
      cleanupAfter,
      cleanupScheduledAt: new Date(createdAt.getTime() + parseDuration(cleanupAfter)),
      cleanupId: null,
      conclusionDue: false,
      notes: [],
      error: null,
      createdBy: cause.actor.email ?? cause.actor.name,
      createdAt,
      finishedAt: null,
    })
    await auditDelivery(em, delivery, 'requested', cause, { metadata: { gateSkipped: gate.skipped } })
    await app.queue.enqueue(em, prepareJob, { id }, id)
    await app.signals.send(em, topicOf(batchId))
    return delivery
  })
  await failpoint('delivery.requested')
  return requested
}
