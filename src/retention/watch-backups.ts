import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { announce } from '../notifications/announce.ts'
import type { RunOutcome } from '../schedules/schedules.ts'
import { Schedule } from '../schedules/schedule.ts'
import { ScheduleRun } from '../schedules/schedule-run.ts'
import { findBackup, scopeOfBackup } from './back-up.ts'
import { backupName, backupRule, isBackedUp } from './backup-schedules.ts'
import { previousOccurrence } from './previous-occurrence.ts'
import { usableNames } from './usable-datasets.ts'

/** Has people told of every backup that should be there by now and is not, once for each. */
export async function watchBackups(app: FastifyInstance): Promise<RunOutcome> {
  const counts = { present: 0, missing: 0 }
  for (const dataset of usableNames(app).map((name) => app.datasets.get(name))) {
    const dueAt = isBackedUp(dataset) ? await lastExpected(app, dataset) : null
    if (dueAt === null) continue
    const isThere = (await findBackup(app, dataset, dueAt)) !== null
    counts[isThere ? 'present' : 'missing'] += 1
    if (!isThere) await tell(app, dataset, dueAt)
  }
  return { counts }
}

/** When a backup was due last; null when none was while the schedule was there, or it is paused or just at work. */
async function lastExpected(app: FastifyInstance, dataset: Dataset): Promise<Date | null> {
  const em = app.orm.em.fork()
  const name = backupName(dataset)
  const schedule = await em.findOne(Schedule, { name })
  const underway = await em.count(ScheduleRun, { schedule: name, status: { $in: ['queued', 'running'] } })
  if (schedule === null || schedule.paused || underway > 0) return null
  const dueAt = previousOccurrence(backupRule(dataset), app.clock.now())
  return dueAt !== null && dueAt > schedule.firstSeenAt ? dueAt : null
}

async function tell(app: FastifyInstance, dataset: Dataset, dueAt: Date): Promise<void> {
  await app.orm.em.fork().transactional((em) =>
    announce(app, em, {
      event: 'backup_missing',
      dataset: dataset.name,
      about: { type: 'schedule', id: backupName(dataset) },
      facts: { scope: scopeOfBackup(dataset, dueAt), dueAt: dueAt.toISOString() },
      key: dueAt.toISOString(),
    }),
  )
}
