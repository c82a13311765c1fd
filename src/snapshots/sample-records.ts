import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import { readManifest } from './manifests.ts'
import { searchRecords } from './search-records.ts'
import type { Snapshot } from './snapshot.ts'

/** How many records of what would be deleted are named. */
const sampled = 5

/** The first records that a snapshot holds, to tell what is about to be lost; none where they can't be read. */
export async function sampleOf(app: FastifyInstance, snapshot: Snapshot): Promise<string[]> {
  if (snapshot.status !== 'completed') return []
  try {
    const manifest = await readManifest(app.stores.main, snapshot.requireCompleted())
    const dataset = app.datasets.get(snapshot.dataset)
    const { items } = await searchRecords(app.stores.main, manifest, dataset, '', sampled)
    return items.map(({ label }) => label)
  } catch (error) {
    if (error instanceof Problem) return []
    throw error
  }
}
