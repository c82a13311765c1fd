import type { FastifyInstance } from 'fastify'
import { keepDoing } from '../platform/keep-doing.ts'
import { createReporter } from '../platform/report-progress.ts'
import { AuditCheck, checkJob, topicOf } from './audit-check.ts'
import type { ChainedEntry } from './chain.ts'
import { entriesInOrder } from './queries.ts'
import { verifyChain } from './verify-audit.ts'

/** Carries a check out; one that was interrupted starts over. It changes nothing but what is said of it. */
export async function runCheck(app: FastifyInstance, id: string, signal: AbortSignal): Promise<void> {
  const em = app.orm.em.fork()
  if ((await em.count(AuditCheck, { id, finishedAt: null })) === 0) return
  const published = await app.publishedHead()
  const reporter = createReporter<number>((checked) =>
    tell(app, id, (check) => void (check.checked = checked)),
  )
  const counted = watched(entriesInOrder(em), signal, (count) => reporter.report(count))
  const result = await verifyChain(counted, published)
  await reporter.settled()
  await tell(app, id, (check) => check.finish(published, result, app.clock.now()))
}

async function* watched(
  entries: AsyncIterable<ChainedEntry>,
  signal: AbortSignal,
  report: (count: number) => void,
): AsyncGenerator<ChainedEntry> {
  let count = 0
  for await (const entry of entries) {
    yield entry
    count += 1
    if (count % 1000 !== 0) continue
    signal.throwIfAborted()
    report(count)
  }
}

async function tell(app: FastifyInstance, id: string, change: (check: AuditCheck) => void): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    change(await em.findOneOrFail(AuditCheck, { id }))
    await app.signals.send(em, topicOf(id))
  })
}

/** No check stays half done: one that is unfinished has a job. Enqueuing does nothing where one waits or runs. */
export function keepChecksRunning(app: FastifyInstance): void {
  keepDoing(app, 'checks of the audit chain could not be taken up', async () => {
    await app.orm.em.fork().transactional(async (em) => {
      for (const { id } of await em.find(AuditCheck, { finishedAt: null }))
        await app.queue.enqueue(em, checkJob, { id }, id)
    })
  })
}
