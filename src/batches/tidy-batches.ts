import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { auditBatch } from './audit-batch.ts'
import { Batch } from './batch.ts'
import { lockBatch } from './find-batches.ts'
import { deleteSomeItems } from './queries.ts'

/** How long the items of a finished batch stay. */
export const itemsKeptDays = 7

const dayMs = 86_400_000

/** How many items one statement removes. */
const atOnce = 10_000

/**
 * Removes the items of batches that have been over for a week; the batch stays, with what came of it.
 * @returns of how many batches
 */
export async function tidyBatches(app: FastifyInstance, cause: Cause, signal: AbortSignal): Promise<number> {
  const until = new Date(app.clock.now().getTime() - itemsKeptDays * dayMs)
  const where = { finishedAt: { $lte: until }, itemsRemovedAt: null }
  const due = await app.orm.em.fork().find(Batch, where, { fields: ['id'] })
  let tidied = 0
  for (const { id } of due) if (await tidyBatch(app, id, until, cause, signal)) tidied += 1
  return tidied
}

/** Marked first: from then on nobody can go on with it, however long the removal takes, or if it is interrupted. */
async function tidyBatch(
  app: FastifyInstance,
  id: string,
  until: Date,
  cause: Cause,
  signal: AbortSignal,
): Promise<boolean> {
  const isMarked = await app.orm.em.fork().transactional(async (em) => {
    const batch = await lockBatch(em, id)
    if (batch.finishedAt === null || batch.finishedAt > until) return false
    batch.itemsRemovedAt = app.clock.now()
    await auditBatch(em, batch, 'tidied', cause)
    return true
  })
  if (isMarked) await removeItems(app, id, signal)
  return isMarked
}

async function removeItems(app: FastifyInstance, id: string, signal: AbortSignal): Promise<void> {
  const em = app.orm.em.fork()
  while ((await deleteSomeItems(em, id, atOnce)) === atOnce) signal.throwIfAborted()
}

/** What a removal left that was interrupted. */
export async function removeLeftItems(app: FastifyInstance, signal: AbortSignal): Promise<void> {
  const since = new Date(app.clock.now().getTime() - itemsKeptDays * dayMs)
  const marked = await app.orm.em.fork().find(Batch, { itemsRemovedAt: { $gt: since } }, { fields: ['id'] })
  for (const { id } of marked) await removeItems(app, id, signal)
}

/** Has it done every night. */
export function provideTidying(app: FastifyInstance): void {
  app.schedules.provide(() => [
    {
      name: 'batches.tidying',
      title: 'Tidy up batches',
      description: `Removes the items of batches that have been over for ${itemsKeptDays} days; a summary of each stays.`,
      dataset: null,
      cron: '20 4 * * *',
      timezone: app.config.timezone,
      async run({ cause, signal }) {
        await removeLeftItems(app, signal)
        return { counts: { batches: await tidyBatches(app, cause, signal) } }
      },
    },
  ])
}
