import type { FastifyInstance } from 'fastify'
import { listBatches } from '../batches/list-batches.ts'
import { presentBatches } from '../batches/present-batch.ts'
import { dueCleanups, failedCleanups, runningCleanups } from '../cleanups/summarize-cleanups.ts'
import { presentDeliveries } from '../deliveries/present-delivery.ts'
import { failedDeliveries, unfinishedDeliveries } from '../deliveries/summarize-deliveries.ts'
import { expiringExports, failedExports, runningExports } from '../exports/summarize-exports.ts'
import { failedRestores, runningRestores } from '../restores/summarize-restores.ts'
import { failedRuns } from '../schedules/summarize-runs.ts'
import { expiringSnapshots, failedSnapshots, runningSnapshots } from '../snapshots/summarize-snapshots.ts'
import {
  batchLink,
  cleanupLink,
  deliveryLink,
  exportLink,
  restoreLink,
  scheduleLink,
  snapshotLink,
  type Link,
} from './links.ts'

const weekMs = 7 * 86_400_000

/** How many of a kind are shown. */
const shown = 4

/** What is being worked on, and what waits for somebody to go on with it (`waits`). */
export async function listRunning(app: FastifyInstance) {
  const { em } = app.orm
  const [snapshots, restores, exports, cleanups, batches, deliveries] = await Promise.all([
    runningSnapshots(em),
    runningRestores(em),
    runningExports(em),
    runningCleanups(em),
    // Those of cleanups and deliveries show as what they belong to.
    listBatches(em, { status: 'incomplete', originType: 'request' }).then(({ items }) =>
      presentBatches(app, items),
    ),
    unfinishedDeliveries(em).then((found) => presentDeliveries(app, found)),
  ])
  const waits = (status: string) => status === 'paused' || status === 'waiting'
  return [
    ...snapshots.map((one) => ({ ...snapshotLink(one), status: one.status, waits: false })),
    ...restores.map((one) => ({ ...restoreLink(one), status: one.status, waits: false })),
    ...exports.map((one) => ({ ...exportLink(one), status: one.status, waits: false })),
    ...cleanups.map((one) => ({ ...cleanupLink(one), status: one.status, waits: false })),
    ...batches.map((one) => ({
      ...batchLink(one),
      status: one.status,
      waits: waits(one.status),
      done: `${one.progressPercentage}%`,
    })),
    ...deliveries.map((one) => ({ ...deliveryLink(one), status: one.status, waits: waits(one.status) })),
  ]
}

/** What failed within the last 7 days, and which occurrences were missed, newest first. */
export async function listFailures({ orm, clock, schedules }: FastifyInstance) {
  const { em } = orm
  const since = new Date(clock.now().getTime() - weekMs)
  const [snapshots, restores, exports, cleanups, deliveries, runs] = await Promise.all([
    failedSnapshots(em, since, shown),
    failedRestores(em, since, shown),
    failedExports(em, since, shown),
    failedCleanups(em, since, shown),
    failedDeliveries(em, since, shown),
    failedRuns(em, since, shown),
  ])
  const titles = new Map(schedules.list().map(({ name, title }) => [name, title]))
  return [
    ...snapshots.map((one) => failure(snapshotLink(one), one)),
    ...restores.map((one) => failure(restoreLink(one), one)),
    ...exports.map((one) => failure(exportLink(one), one)),
    ...cleanups.map((one) => failure(cleanupLink(one), one)),
    ...deliveries.map((one) => failure(deliveryLink(one), one)),
    ...runs.map(({ schedule, dueAt, status, error }) => ({
      ...scheduleLink(schedule, titles.get(schedule) ?? schedule),
      reason: status === 'missed' ? 'missed' : (error?.code ?? 'failed'),
      at: dueAt,
    })),
  ]
    .sort((a, b) => b.at.getTime() - a.at.getTime())
    .slice(0, shown)
}

function failure(
  link: Link,
  { error, finishedAt }: { error: { code: string } | null; finishedAt: Date | null },
) {
  return { ...link, reason: error?.code ?? 'some files are missing', at: finishedAt! }
}

/** What goes next, soonest first: records and files at their cleanup's deadline, snapshots and exports at their end. */
export async function listRemovals({ orm }: FastifyInstance) {
  const { em } = orm
  const [cleanups, snapshots, exports] = await Promise.all([
    dueCleanups(em, shown),
    expiringSnapshots(em, shown),
    expiringExports(em, shown),
  ])
  return [
    ...cleanups.map((one) => ({ ...cleanupLink(one), at: one.dueAt })),
    ...snapshots.map((one) => ({ ...snapshotLink(one), at: one.expiresAt! })),
    ...exports.map((one) => ({ ...exportLink(one), at: one.expiresAt! })),
  ]
    .sort((a, b) => a.at.getTime() - b.at.getTime())
    .slice(0, shown)
}
