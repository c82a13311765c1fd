import type { FastifyInstance } from 'fastify'
import type { Batch } from './batch.ts'
import type { PresentedBatch } from './present-batch.ts'
import type { Webhook } from './webhook.ts'

/** What every page of a batch shows of it, besides the batch itself. */
export function describeBatch({ datasets, clock }: FastifyInstance, batch: Batch) {
  const { dataset, createdAt, title, key } = batch
  return {
    name: title ?? key,
    path: `/batches/${batch.id}`,
    dataset:
      dataset === null ? null : (datasets.list().find(({ name }) => name === dataset)?.title ?? dataset),
    origin: batch.originType === 'request' ? null : { type: batch.originType, id: batch.originId },
    webhook: batch.webhook && describeWebhook(batch.webhook),
    isForWorkers: batch.way === 'application',
    isOver: batch.isOver(),
    canGoOn: batch.status !== 'cancelled' && batch.status !== 'cancelling' && batch.itemsRemovedAt === null,
    tookMs: (batch.finishedAt ?? clock.now()).getTime() - (batch.startedAt ?? createdAt).getTime(),
  }
}

/** Where items are sent, without what may be a secret in the address. */
function describeWebhook({ url, ...settings }: Webhook) {
  const { origin, pathname, search } = new URL(url)
  return { ...settings, address: `${origin}${pathname}${search === '' ? '' : '?…'}` }
}

const phases: Partial<Record<PresentedBatch['status'], string>> = {
  running: 'Working',
  waiting: 'Waiting for somebody to work on it',
  paused: 'Paused',
  cancelling: 'Coming to its end',
}

/** For views/partials/progress.eta. */
export function progressOf({ status, total, completed, failed, rate, etaSeconds }: PresentedBatch) {
  const done = completed + failed
  return { phase: phases[status] ?? '', unit: 'item', total, done, rate, secondsLeft: etaSeconds ?? 0 }
}
