import type { FastifyInstance } from 'fastify'
import { Batch } from '../batches/batch.ts'
import { presentBatches, type PresentedBatch } from '../batches/present-batch.ts'
import { parseDuration } from '../platform/durations.ts'
import type { Delivery } from './delivery.ts'

/** A delivery as the API answers with it. */
export type PresentedDelivery = ReturnType<typeof present>

const dayMs = 86_400_000

/** With what its batch knows now. */
export async function presentDelivery(app: FastifyInstance, delivery: Delivery): Promise<PresentedDelivery> {
  return (await presentDeliveries(app, [delivery]))[0]!
}

export async function presentDeliveries(
  app: FastifyInstance,
  deliveries: Delivery[],
): Promise<PresentedDelivery[]> {
  const ids = deliveries.map(({ batchId }) => batchId)
  const batches = await presentBatches(app, await app.orm.em.fork().find(Batch, { id: { $in: ids } }))
  const byId = new Map(batches.map((batch) => [batch.id, batch]))
  return deliveries.map((delivery) => present(delivery, byId.get(delivery.batchId) ?? null))
}

function present(delivery: Delivery, batch: PresentedBatch | null) {
  const { id, batchId, dataset, scope, title, destination, gateSkipped, snapshotId } = delivery
  return {
    ...{ id, batchId, dataset, scope, title, destination, gateSkipped, snapshotId },
    status: statusOf(delivery, batch),
    pausedReason: batch?.pausedReason ?? null,
    hasToken: delivery.sealedToken !== null,
    progress: batch && progressOf(batch),
    backup: {
      snapshotAt: iso(delivery.snapshotAt),
      cleanupScheduledAt: iso(delivery.cleanupScheduledAt),
      retentionDays: parseDuration(delivery.cleanupAfter) / dayMs,
    },
    cleanupId: delivery.cleanupId,
    notes: delivery.notes,
    error: delivery.error,
    createdBy: delivery.createdBy,
    createdAt: delivery.createdAt.toISOString(),
    finishedAt: batch?.finishedAt ?? iso(delivery.finishedAt),
  }
}

/** What the batch is doing is what the delivery is doing, until what follows is done as well. */
function statusOf({ status, conclusionDue }: Delivery, batch: PresentedBatch | null) {
  if (batch === null || status === 'preparing') return status
  if (batch.status === 'running' || batch.status === 'waiting') return 'delivering'
  // The batch was read after the delivery, whose end wasn't there yet: its conclusion is yet to be known.
  if (batch.finishedAt !== null && batch.status !== status) return 'delivering'
  return conclusionDue ? 'concluding' : batch.status
}

function progressOf({
  total,
  completed,
  failed,
  pending,
  progressPercentage,
  rate,
  etaSeconds,
}: PresentedBatch) {
  return { total, completed, failed, pending, progressPercentage, rate, etaSeconds }
}

/** Whether anything will change by itself, or by somebody who resumes it. */
export function isOver({ status }: PresentedDelivery): boolean {
  return ['completed', 'completed_with_failures', 'cancelled', 'failed'].includes(status)
}

function iso(at: Date | null): string | null {
  return at?.toISOString() ?? null
}
