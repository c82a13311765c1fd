import { hostname } from 'node:os'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { BatchPaused } from './batch-paused.ts'
import { Batch } from './batch.ts'
import { builtInWork } from './built-in-work.ts'
import { webhookWork } from './call-webhook.ts'
import { lockBatch, topicOf } from './find-batches.ts'
import { pauseBatch } from './pause-batch.ts'
import {
  claimNext,
  deleteLease,
  nextDue,
  recoverAll,
  releaseItems,
  renewLease,
  type ClaimedItem,
} from './lease-queries.ts'
import { hasWork, noteStart } from './queries.ts'
import { createReporter, type ItemReporter } from './report-items.ts'
import { settleBatch } from './settle-batch.ts'
import type { Work } from './work.ts'

/** How long, in milliseconds, what a dead process held stays out of reach. */
const leaseMs = 10_000

/** What its leases say, for whoever looks. */
const ownName = `Holdfast, process ${process.pid} at ${hostname()}`

/** Items that a run takes at a time, for each that it works on at once. */
const aheadOf = 8

/** The run is not wanted any more. */
class Superseded extends Error {}

/** One go at a batch by this process. */
interface Run {
  batch: Batch
  work: Work
  leaseId: string
  /** Aborts when the batch is paused or cancelled, another run took over, or the service stops. */
  signal: AbortSignal
  stop(reason: unknown): void
}

/**
 * Works on a batch until nothing is left to claim. The queue sees to it that one process at a time does, which makes
 * its concurrency hold over all replicas; a run that finds what another left behind takes it over. Whoever resumes a
 * batch just as its last run ends finds the job still there: so this looks once more before it goes.
 */
export async function runBatch(app: FastifyInstance, id: string, job: JobRun): Promise<void> {
  do await runOnce(app, id, job)
  while (await hasWork(app.orm.em.fork(), id))
}

async function runOnce(app: FastifyInstance, id: string, job: JobRun): Promise<void> {
  const batch = await beginRun(app, id)
  if (batch === null) return
  await failpoint('batch.run-begun')
  const work = workOf(app, batch)
  if (work === null) return void (await pauseUnknown(app, batch))
  const stopped = new AbortController()
  const run: Run = {
    batch,
    work,
    leaseId: newId(),
    signal: AbortSignal.any([job.signal, stopped.signal]),
    stop: (reason) => stopped.abort(reason),
  }
  const watch = watchRun(app, run)
  try {
    await workOn(app, run)
  } finally {
    watch.stop()
    await letGo(app, run)
  }
  const { reason } = run.signal
  if (reason instanceof BatchPaused) await pauseBatch(app, id, { actor: systemActor }, reason.message)
  await settleBatch(app, id)
  job.signal.throwIfAborted()
  if (reason !== undefined && !(reason instanceof BatchPaused) && !(reason instanceof Superseded))
    throw reason
}

/** @returns null when nobody defined its handler */
function workOf(app: FastifyInstance, batch: Batch): Work | null {
  if (batch.webhook !== null) return webhookWork(app, batch, batch.webhook)
  const handler = app.batches.handler(batch.handler!)
  return handler === undefined ? null : builtInWork(app, batch, handler)
}

/** Takes the batch over from whatever run there was before. @returns null when there is nothing to work on */
async function beginRun(app: FastifyInstance, id: string): Promise<Batch | null> {
  const batch = await app.orm.em.fork().transactional(async (em) => {
    const batch = await lockBatch(em, id)
    if (batch.isOver()) return batch
    await recoverAll(em, id)
    batch.runs += 1
    if (batch.status === 'running') await noteStart(em, id, app.clock.now())
    return batch
  })
  if (batch.isOver()) return null
  if (batch.status === 'running') return batch
  await settleBatch(app, id)
  return null
}

async function pauseUnknown(app: FastifyInstance, { id, handler }: Batch): Promise<void> {
  await pauseBatch(app, id, { actor: systemActor }, `This version of Holdfast has no handler ${handler}.`)
}

/** Looks after the run while it works: renews its lease, and stops it when it is not wanted any more. */
function watchRun(app: FastifyInstance, run: Run): { stop(): void } {
  const { id, runs } = run.batch
  const look = async () => {
    const counts = await app.orm.em.fork().count(Batch, { id, runs, status: 'running' })
    if (counts === 0) run.stop(new Superseded('the batch was paused or cancelled, or another run took over'))
  }
  const renew = async () => {
    const now = app.clock.now()
    await renewLease(app.orm.em.fork(), id, run.leaseId, now, new Date(now.getTime() + leaseMs))
    await look()
  }
  // When the database can't answer, the work itself finds out.
  const unsubscribe = app.signals.subscribe(topicOf(id), () => void look().catch(() => undefined))
  const timer = setInterval(() => void renew().catch(() => undefined), leaseMs / 4)
  return {
    stop() {
      unsubscribe()
      clearInterval(timer)
    },
  }
}

async function workOn(app: FastifyInstance, run: Run): Promise<void> {
  const { concurrency, perCall } = run.work
  const reporter = createReporter(run.batch.checkpointEvery, async (reports) => {
    await app.batches.commits.report(run.batch.id, reports, { lease: run.leaseId })
  })
  const next = createFeed(app, run, Math.max(concurrency * perCall * aheadOf, run.batch.checkpointEvery))
  const hand = async () => {
    for (let some = await next(); some.length > 0; some = await next()) await workOnItems(run, some, reporter)
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, () => hand().catch(run.stop)))
  } finally {
    await reporter.flush()
  }
}

/** Hands out the items of the batch, one call's after the other; none when there are no more, or the run stops. */
function createFeed(app: FastifyInstance, { batch, work, leaseId, signal }: Run, limit: number) {
  const ahead: ClaimedItem[] = []
  let claiming: Promise<unknown> = Promise.resolve()
  const claim = async () => {
    while (ahead.length === 0 && !signal.aborted) {
      const now = app.clock.now()
      const expiresAt = new Date(now.getTime() + leaseMs)
      const wanted = { batchId: batch.id, leaseId, worker: ownName, limit, now, expiresAt }
      ahead.push(...(await claimNext(app.orm.em.fork(), wanted)))
      await failpoint('batch.claimed')
      if (ahead.length > 0) return
      const due = await nextDue(app.orm.em.fork(), batch.id)
      if (due === null) return
      // Its lease goes on: an item that is tried again later is work under way.
      await rest(Math.max(due.getTime() - now.getTime(), 10), undefined, { signal }).catch(() => undefined)
    }
  }
  return async (): Promise<ClaimedItem[]> => {
    if (ahead.length === 0) {
      claiming = claiming.then(claim)
      await claiming
    }
    return signal.aborted ? [] : ahead.splice(0, work.perCall)
  }
}

async function workOnItems(run: Run, items: ClaimedItem[], reporter: ItemReporter): Promise<void> {
  try {
    const reports = await run.work.do(items, run.signal)
    await failpoint('batch.worked')
    await reporter.add(reports)
  } catch (error) {
    if (!run.signal.aborted) run.stop(error)
  }
}

/** Gives back what was claimed and not finished. */
async function letGo(app: FastifyInstance, { batch, leaseId }: Run): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    await releaseItems(em, batch.id, leaseId, null)
    await deleteLease(em, batch.id, leaseId)
    await app.signals.send(em, topicOf(batch.id))
  })
  await failpoint('batch.let-go')
}
