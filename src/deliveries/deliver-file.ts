import type { FastifyInstance } from 'fastify'
import type { BuiltInHandler, HandledItem } from '../batches/batches.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Store } from '../storage/store.ts'
import { DeliveredFile } from './delivered-file.ts'
import type { Copied, Original } from './destination.ts'
import { deliveryProblems } from './errors.ts'
import { finishDelivery } from './finish-delivery.ts'
import type { Destinations } from './open-destination.ts'
import { patiently } from './patience.ts'
import type { WantedDestination } from './wanted-destination.ts'

/** What works on the batch of a delivery. */
export const deliverHandler = 'deliveries.deliver'

/** Files that are under way at once. */
const concurrency = 4

/** What a delivery's batch knows besides its items. */
export interface DeliveryContext {
  deliveryId: string
  /** The store that has the originals. */
  store: string
  destination: WantedDestination
}

export interface FilePayload {
  /** The original's key in its store. */
  source: string
  /** At the destination, decided when the files were listed. */
  path: string
  bytes: number | null
  sha256: string | null
}

/** Delivers files, one an item. */
export function deliverFiles(app: FastifyInstance, destinations: Destinations): BuiltInHandler<FilePayload> {
  return {
    concurrency,
    run: (item, signal) => deliverFile(app, destinations, item, signal),
    async finished(em, batch) {
      const { deliveryId } = batch.context as unknown as DeliveryContext
      if (batch.status !== 'completed') destinations.forget(deliveryId)
      await finishDelivery(app, em, deliveryId, batch)
    },
  }
}

/**
 * Copies one file and notes it in the index. Whoever comes back to it after a crash finds the copy and notes it then.
 * @throws Problem DELIVERY_ORIGINAL_MISSING, and what `Destination.put` throws
 */
async function deliverFile(
  app: FastifyInstance,
  destinations: Destinations,
  { id, payload, batch }: HandledItem<FilePayload>,
  signal: AbortSignal,
): Promise<object> {
  const { deliveryId, store, destination } = batch.context as unknown as DeliveryContext
  const { source, path } = payload
  const copied = await patiently(async () => {
    const original = await findOriginal(app.stores.get(store), payload)
    return destinations.open(deliveryId, destination).put(original, path, signal)
  }, signal)
  await failpoint('delivery.copied')
  await note(app, { deliveryId, itemId: id, source, path }, copied)
  await failpoint('delivery.noted')
  return { path, ...copied }
}

async function findOriginal(store: Store, { source, bytes, sha256 }: FilePayload): Promise<Original> {
  const found = await store.head(source)
  if (found === null) throw deliveryProblems.DELIVERY_ORIGINAL_MISSING(`${store.location} has no ${source}.`)
  if (bytes !== null && found.bytes !== bytes)
    throw deliveryProblems.DELIVERY_ORIGINAL_DIFFERS(
      `${source} has ${found.bytes} bytes; its row says ${bytes}.`,
    )
  return { bytes: found.bytes, sha256, open: (range) => store.get(source, range) }
}

async function note(
  { orm, clock }: FastifyInstance,
  file: { deliveryId: string; itemId: string; source: string; path: string },
  copied: Copied,
): Promise<void> {
  await orm.em.fork().upsert(DeliveredFile, { ...file, ...copied, deliveredAt: clock.now() })
}
