import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { BatchPaused } from '../batches/batch-paused.ts'
import type { Sealer } from '../platform/sealing.ts'
import { openStore } from '../storage/open-store.ts'
import type { Destination } from './destination.ts'
import { createGraphClient } from './graph-client.ts'
import { oneDriveDestination } from './onedrive-destination.ts'
import { storeDestination } from './store-destination.ts'
import { tokenOf } from './tokens.ts'
import type { WantedDestination } from './wanted-destination.ts'

/** Opens destinations, and keeps what they learnt (folders that are there, how fast to go) while a delivery lasts. */
export interface Destinations {
  /** @throws BatchPaused when this service has no such destination any more */
  open(deliveryId: string, wanted: WantedDestination): Destination
  forget(deliveryId: string): void
}

export function createDestinations(app: FastifyInstance, sealer: Sealer): Destinations {
  const opened = new Map<string, Destination>()
  return {
    open(id, wanted) {
      const destination = opened.get(id) ?? open(app, sealer, id, wanted)
      opened.set(id, destination)
      return destination
    },
    forget: (id) => void opened.delete(id),
  }
}

function open(app: FastifyInstance, sealer: Sealer, id: string, wanted: WantedDestination): Destination {
  const { config } = app
  if (wanted.type === 'onedrive')
    return oneDriveDestination(
      createGraphClient(config.graphApiUrl, tokenOf(app, sealer, id)),
      wanted.driveId,
    )
  if (wanted.type === 's3') return storeDestination(app.stores.get(wanted.store))
  if (config.deliveryRoot === null) throw new BatchPaused('HOLDFAST_DELIVERY_ROOT is not set any more.')
  return storeDestination(openStore(pathToFileURL(config.deliveryRoot).href))
}
