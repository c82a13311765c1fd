import type { FastifyInstance } from 'fastify'
import { topicOf } from '../batches/find-batches.ts'
import { Problem } from '../platform/errors.ts'
import type { Delivery } from './delivery.ts'
import { findDelivery } from './find-deliveries.ts'
import { isOver, presentDelivery, type PresentedDelivery } from './present-delivery.ts'

/** @returns the delivery as soon as it is as wanted, or as it is when the time is over */
export async function waitForDelivery(
  app: FastifyInstance,
  { id, batchId }: Delivery,
  seconds: number,
  isWanted: (delivery: PresentedDelivery) => boolean,
): Promise<PresentedDelivery> {
  const look = async () => presentDelivery(app, await findDelivery(app.orm.em, id))
  const wanted = async () => {
    const latest = await look()
    return isWanted(latest) ? latest : null
  }
  return (await app.signals.waitFor(topicOf(batchId), wanted, seconds * 1000)) ?? look()
}

/** Listing the files of a delivery takes a moment, which everybody has; copying them takes those who want to wait. */
const listingSeconds = 10

/**
 * Waits for what the caller waits for.
 * @throws Problem with the code that the delivery failed with before anything was copied
 */
export async function waitAsPreferred(
  app: FastifyInstance,
  delivery: Delivery,
  seconds: number | null,
): Promise<PresentedDelivery> {
  const latest =
    seconds === null
      ? await waitForDelivery(app, delivery, listingSeconds, ({ status }) => status !== 'preparing')
      : await waitForDelivery(app, delivery, seconds, (seen) => isOver(seen) || seen.status === 'paused')
  const definition = latest.error === null ? undefined : app.problems.get(latest.error.code)
  if (latest.error === null || definition === undefined) return latest
  throw new Problem(latest.error.code, definition, latest.error.detail, {
    extensions: { deliveryId: delivery.id },
  })
}
