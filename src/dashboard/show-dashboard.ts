import type { FastifyInstance } from 'fastify'
import { may } from '../access/permissions.ts'
import type { Actor } from '../audit/actor.ts'
import { listAudit } from '../audit/list-audit.ts'
import { describeSchedules } from '../schedules/describe-schedules.ts'
import { summarizeSnapshots, type DatasetSummary } from '../snapshots/summarize-snapshots.ts'
import { drawAge } from './draw-age.ts'
import { furtherReasons } from './further-reasons.ts'
import { scheduleLink } from './links.ts'
import { listFailures, listRemovals, listRunning } from './list-work.ts'
import { runCalendar } from './runs-by-day.ts'
import { storageOverTime } from './storage-over-time.ts'
import { judge, verdict } from './verdict.ts'

/** How many of a kind are shown. */
const shown = 4

/** All that the dashboard shows to whoever may see every record. */
export async function showDashboard(app: FastifyInstance, actor: Actor) {
  const [summaries, running, failures, removals, schedules, storage, calendar, entries] = await Promise.all([
    summarizeSnapshots(app.orm.em),
    listRunning(app),
    listFailures(app),
    listRemovals(app),
    describeSchedules(app),
    storageOverTime(app),
    runCalendar(app),
    may(actor, 'audit:list') ? latestEntries(app) : null,
  ])
  const datasets = describeDatasets(app, summaries)
  return {
    verdict: verdict(
      datasets.map(({ state }) => state),
      furtherReasons(schedules, running),
    ),
    maxAgeDays: app.config.backupRetentionDays,
    totals: totalsOf([...summaries.values()]),
    // What runs is looked at again by itself, and by whoever has no JavaScript as well.
    refresh: running.some(({ waits }) => !waits),
    ...{ datasets, running, failures, removals, storage, calendar, entries, coming: comingRuns(schedules) },
  }
}

function describeDatasets(app: FastifyInstance, summaries: Map<string, DatasetSummary>) {
  const now = app.clock.now()
  const { backupRetentionDays } = app.config
  return app.datasets.list().map(({ name, title, problems }) => {
    const summary = summaries.get(name)
    const state = judge({ name, title, problems: problems.length, summary }, now, backupRetentionDays)
    const { snapshots = 0, storedBytes = 0, last = null } = summary ?? {}
    const age = last && drawAge(new Date(last.takenAt), now, backupRetentionDays)
    return { name, title, state, snapshots, storedBytes, last, age }
  })
}

function totalsOf(summaries: DatasetSummary[]) {
  const sum = (field: 'snapshots' | 'storedBytes') =>
    summaries.reduce((total, summary) => total + summary[field], 0)
  return { snapshots: sum('snapshots'), storedBytes: sum('storedBytes') }
}

/** The next run of each schedule, soonest first. */
function comingRuns(schedules: Awaited<ReturnType<typeof describeSchedules>>) {
  return schedules
    .flatMap(({ name, title, nextRuns: [at] }) =>
      at === undefined ? [] : [{ ...scheduleLink(name, title), at }],
    )
    .sort((a, b) => a.at.localeCompare(b.at))
    .slice(0, shown)
}

async function latestEntries({ orm }: FastifyInstance) {
  return (await listAudit(orm.em.fork(), {}, { limit: shown })).entries
}
