import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { createBatch } from '../batches/create-batch.ts'
import { topicOf } from '../batches/find-batches.ts'
import { isDatabaseGone } from '../platform/database-failures.ts'
import type { EntityManager } from '../platform/database.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { auditDelivery } from './audit-delivery.ts'
import { deliverHandler, type DeliveryContext, type FilePayload } from './deliver-file.ts'
import type { Delivery } from './delivery.ts'
import { filesOf } from './files-of.ts'
import { findDelivery, lockDelivery } from './find-deliveries.ts'
import { readFiles, type DeclaredFile } from './read-files.ts'
import { createUniquePaths } from './unique-paths.ts'
import { baseOf, rulesOf } from './wanted-destination.ts'

/** The job that lists a delivery's files. */
export const prepareJob = 'deliveries.prepare'

const system = { actor: systemActor }

/** The delivery was cancelled while its files were listed. */
class Cancelled extends Error {}

/**
 * Lists the files of a delivery as the items of its batch, each with its place at the destination: all of them in one
 * transaction, so that a run that dies leaves nothing and the next starts over.
 */
export async function prepareDelivery(app: FastifyInstance, id: string, run: JobRun): Promise<void> {
  const delivery = await findDelivery(app.orm.em, id)
  if (delivery.status !== 'preparing') return
  try {
    await app.orm.em.fork().transactional((em) => listFiles(app, em, delivery, run.signal))
    await failpoint('delivery.prepared')
  } catch (error) {
    if (error instanceof Cancelled) return
    run.signal.throwIfAborted()
    if (isDatabaseGone(error)) throw error
    await fail(app, id, error)
  }
}

async function listFiles(
  app: FastifyInstance,
  em: EntityManager,
  { id, batchId, scope, destination, title, ...delivery }: Delivery,
  signal: AbortSignal,
): Promise<void> {
  const dataset = await app.datasets.current(delivery.dataset)
  const files = filesOf(dataset)
  const context: DeliveryContext = { deliveryId: id, store: files.store, destination }
  const declared = readFiles(app.datasets.source(dataset), dataset, files, scope)
  const base = baseOf(destination)
  const paths = await createUniquePaths(em, rulesOf(destination))
  const items = async function* () {
    for await (const some of inChunks(declared)) {
      signal.throwIfAborted()
      const places = some.map(({ folders, name }) => ({ folders: [...base, ...folders], name }))
      const assigned = await paths.assign(places)
      for (const [i, file] of some.entries()) yield itemOf(file, assigned[i]!)
    }
  }
  const batch = {
    ...{ id: batchId, key: `delivery ${id}`, title, handler: deliverHandler, dataset: dataset.name },
    context: { ...context },
    items: items(),
    origin: { type: 'delivery', id } as const,
  }
  await createBatch(app, em, batch, system)
  const locked = await lockDelivery(em, id)
  if (locked.status !== 'preparing') throw new Cancelled()
  locked.deliver()
  await app.signals.send(em, topicOf(batchId))
}

function itemOf({ keys, source, bytes, sha256 }: DeclaredFile, path: string) {
  const payload: FilePayload = { source, path, bytes, sha256 }
  return { id: JSON.stringify(keys), payload }
}

const chunk = 1000

async function* inChunks<T>(all: AsyncIterable<T>): AsyncGenerator<T[]> {
  let some: T[] = []
  for await (const one of all) {
    some.push(one)
    if (some.length < chunk) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}

async function fail(app: FastifyInstance, id: string, error: unknown): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const delivery = await lockDelivery(em, id)
    if (delivery.status !== 'preparing') return
    delivery.fail(describeFailure(app, error), app.clock.now())
    const { error: failure } = delivery
    await auditDelivery(em, delivery, 'failed', system, { metadata: { error: failure }, outcome: 'failed' })
    await app.signals.send(em, topicOf(delivery.batchId))
  })
}

/** What nobody expected is told to the log alone, which has the details. */
function describeFailure(app: FastifyInstance, error: unknown): { code: string; detail: string } {
  if (error instanceof Problem) return { code: error.code, detail: error.message }
  app.log.error({ err: error }, 'a delivery could not be prepared')
  return { code: 'INTERNAL', detail: 'Something went wrong on our side; the log has the details.' }
}
