import type { FastifyInstance, FastifyRequest } from 'fastify'
import { causeOf } from '../audit/actor.ts'
import type { Batch } from './batch.ts'
import { findOrCreate } from './create-batch.ts'
import type { NewItem } from './queries.ts'
import { webhookDefaults, type Webhook } from './webhook.ts'

/** Bytes of one request. Items that don't fit are streamed. */
export const largestBody = 16_777_216

/** What a person or a script wants a batch to be. */
export interface RequestedBatch {
  key: string
  title?: string | null
  dataset?: string
  items?: NewItem[]
  /** Null or absent: workers of the application. */
  handler?: { webhook: { url: string } & Partial<Webhook> } | null
  maxAttempts?: number
  checkpointEvery?: number
}

/**
 * Creates a batch that somebody asked for, or finds the one that has the key already.
 * @throws Problem BATCH_KEY_REUSED, WEBHOOK_NOT_ALLOWED, DATASET_UNKNOWN
 */
export async function requestBatch(
  app: FastifyInstance,
  { items = [], handler = null, ...rest }: RequestedBatch,
  request: FastifyRequest,
): Promise<{ batch: Batch; isNew: boolean }> {
  if (rest.dataset !== undefined) app.datasets.get(rest.dataset)
  const webhook = handler === null ? null : { ...webhookDefaults, ...handler.webhook }
  const origin = { type: 'request', id: request.id } as const
  return app.orm.em
    .fork()
    .transactional((em) =>
      findOrCreate(app, em, { ...rest, handler: webhook, items, origin }, causeOf(request)),
    )
}
