import type { FastifyInstance } from 'fastify'
import { BatchPaused } from '../batches/batch-paused.ts'
import type { HandledItem } from '../batches/batches.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import { allHeldKeys } from '../holds/find-holds.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Store } from '../storage/store.ts'
import { findCleanup } from './attempts.ts'
import type { Cleanup } from './cleanup.ts'
import { eachAtOnce } from './each-at-once.ts'
import { keptObjects } from './file-queries.ts'
import * as ours from './queries.ts'
import type { ItemOutcome } from './queries.ts'
import { requireFiles, storeConcurrency } from './survey-files.ts'

/**
 * One item of a removal's batch: up to a thousand objects. May be repeated: one that is gone is fine. A store that can't
 * be reached pauses the batch.
 */
export async function removeFiles(
  app: FastifyInstance,
  { payload: { chunk }, batch }: HandledItem<{ chunk: number }>,
  signal: AbortSignal,
): Promise<object> {
  const cleanup = await findCleanup(app.orm.em, String(batch.context['cleanupId']))
  const dataset = await app.datasets.current(cleanup.dataset)
  const store = app.stores.get(requireFiles(dataset).store)
  const keys = await ours.keysOfChunk(app.orm.em.fork(), cleanup.id, chunk)
  const stays = await namedStill(app, cleanup, keys)
  const outcomes = await reach(() =>
    eachAtOnce(keys, storeConcurrency, async (key): Promise<ItemOutcome> => {
      signal.throwIfAborted()
      if (stays.has(key)) return { key, outcome: 'REFERENCED', detail: 'A record that stays names it too.' }
      return removeObject(store, key)
    }),
  )
  await failpoint('cleanup.objects-removed')
  await app.orm.em.fork().transactional(async (em) => {
    await ours.recordOutcomes(em, cleanup.id, outcomes)
  })
  return { objects: outcomes.filter(({ outcome }) => outcome === 'REMOVED').length }
}

async function removeObject(store: Store, key: string): Promise<ItemOutcome> {
  try {
    const there = (await store.head(key)) !== null
    await store.delete(key)
    return there
      ? { key, outcome: 'REMOVED', detail: null }
      : { key, outcome: 'GONE', detail: 'It was gone already.' }
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'STORE_KEY_INVALID') throw error
    return { key, outcome: 'REFUSED', detail: error.message }
  }
}

/** Asked anew: records may have come, or been held, since the plan. */
async function namedStill(app: FastifyInstance, cleanup: Cleanup, keys: string[]): Promise<Set<string>> {
  const dataset = app.datasets.get(cleanup.dataset)
  const held = await allHeldKeys(app.orm.em.fork(), dataset.name, app.clock.now())
  const files = requireFiles(dataset)
  const of = { dataset, files, held, condition: scopeLiteral(dataset, cleanup.scope) }
  return app.datasets.source(dataset).withConnection(async (client) => {
    const { rows } = await client.query<{ object: string }>(keptObjects(of, keys))
    return new Set(rows.map(({ object }) => object))
  })
}

async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem && error.code === 'STORE_UNREACHABLE') throw new BatchPaused(error.message)
    throw error
  }
}
