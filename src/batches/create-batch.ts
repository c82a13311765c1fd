import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { notificationProblems } from '../notifications/errors.ts'
import { isAllowedTarget } from '../notifications/guarded-fetch.ts'
import type { EntityManager } from '../platform/database.ts'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import { addItems, type Items } from './add-items.ts'
import { auditBatch } from './audit-batch.ts'
import { Batch, type Origin } from './batch.ts'
import { batchProblems } from './errors.ts'
import { topicOf } from './find-batches.ts'
import { lockKey, type NewItem } from './queries.ts'
import { runJob } from './run-job.ts'
import { webhookAttempts, type Webhook } from './webhook.ts'

export interface WantedBatch {
  /** Where it was told to somebody before; default a new one. */
  id?: string
  /** The caller's own name for it: there is never a second batch with it. */
  key: string
  title?: string | null
  /** A built-in handler's name, where Holdfast sends the items, or null: the application's own workers. */
  handler: string | Webhook | null
  context?: Record<string, unknown>
  dataset?: string | null
  items: Items
  /** How often an item may fail before it has failed; default once. */
  maxAttempts?: number
  /** After how many items Holdfast's own worker records what it did; default each. */
  checkpointEvery?: number
  origin: Origin
}

/**
 * Creates a batch with its items in the entity manager's transaction, or finds the one that has the key already: then
 * nothing is read of `items`, and nothing changes.
 * @throws Problem BATCH_KEY_REUSED when that one was created with other parameters, BATCH_HANDLER_UNKNOWN
 */
export async function createBatch(
  app: FastifyInstance,
  em: EntityManager,
  wanted: WantedBatch,
  cause: Cause,
): Promise<Batch> {
  return (await findOrCreate(app, em, wanted, cause)).batch
}

/** The same, and whether it is new. */
export async function findOrCreate(
  app: FastifyInstance,
  em: EntityManager,
  wanted: WantedBatch,
  cause: Cause,
): Promise<{ batch: Batch; isNew: boolean }> {
  await lockKey(em, wanted.key)
  const found = await em.findOne(Batch, { key: wanted.key })
  if (found !== null) {
    requireSame(found, wanted)
    return { batch: found, isNew: false }
  }
  const batch = em.create(Batch, draft(app, wanted, cause))
  await em.flush()
  const { added } = await addItems(em, batch.id, wanted.items)
  await auditBatch(em, batch, 'created', cause, { items: added })
  if (batch.isOurs()) await app.queue.enqueue(em, runJob, { id: batch.id }, batch.id)
  await app.signals.send(em, topicOf(batch.id))
  await failpoint('batch.created')
  return { batch, isNew: true }
}

function draft(app: FastifyInstance, wanted: WantedBatch, { actor }: Cause) {
  const { key, title = null, handler, context = {}, dataset = null, origin } = wanted
  if (typeof handler === 'string' && app.batches.handler(handler) === undefined)
    throw batchProblems.BATCH_HANDLER_UNKNOWN(`Nothing was defined as ${handler}.`)
  if (handler !== null && typeof handler === 'object') requireAllowed(app, handler)
  const way = handler === null ? 'application' : typeof handler === 'string' ? 'built-in' : 'webhook'
  return {
    id: wanted.id ?? newId(),
    key,
    title,
    way,
    handler: typeof handler === 'string' ? handler : null,
    webhook: typeof handler === 'string' ? null : handler,
    context,
    dataset,
    originType: origin.type,
    originId: origin.id,
    maxAttempts: wanted.maxAttempts ?? (way === 'webhook' ? webhookAttempts : 1),
    checkpointEvery: wanted.checkpointEvery ?? 1,
    digest: digestOf(wanted),
    itemsDigest: digestOfItems(wanted.items),
    status: 'running',
    pausedReason: null,
    total: 0,
    completed: 0,
    failed: 0,
    earlierAt: null,
    earlierSettled: 0,
    sampledAt: null,
    sampledSettled: 0,
    createdBy: actor.email ?? actor.name,
    createdAt: app.clock.now(),
    startedAt: null,
    finishedAt: null,
    runs: 0,
    itemsRemovedAt: null,
  } as const
}

/** Better now than at the first item. @throws Problem WEBHOOK_NOT_ALLOWED */
function requireAllowed(app: FastifyInstance, { url }: Webhook): void {
  if (!isAllowedTarget(app, url))
    throw notificationProblems.WEBHOOK_NOT_ALLOWED(
      'HOLDFAST_WEBHOOK_ALLOW does not have the host of the URL.',
    )
}

/** @throws Problem BATCH_KEY_REUSED. Items are compared where they come again: whoever repeats may leave them out. */
function requireSame(found: Batch, wanted: WantedBatch): void {
  const items = digestOfItems(wanted.items)
  const other =
    found.digest !== digestOf(wanted)
      ? 'parameters'
      : items !== null && found.itemsDigest !== null && items !== found.itemsDigest
        ? 'items'
        : null
  if (other === null) return
  throw batchProblems.BATCH_KEY_REUSED(`Batch ${found.id} has the key and was created with other ${other}.`)
}

function digestOf({ title, handler, context, dataset, maxAttempts, checkpointEvery }: WantedBatch): string {
  return sha256([
    title ?? null,
    handler,
    context ?? {},
    dataset ?? null,
    maxAttempts ?? null,
    checkpointEvery ?? 1,
  ])
}

/** @returns null where there are none, or they come as a stream */
function digestOfItems(items: Items): string | null {
  if (!Array.isArray(items) || items.length === 0) return null
  return sha256((items as NewItem[]).map(({ id, payload }) => [id, payload ?? null]))
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
