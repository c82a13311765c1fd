import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { may } from '../access/permissions.ts'
import { listAudit } from '../audit/list-audit.ts'
import { dueCleanups, failedCleanups, runningCleanups } from '../cleanups/summarize-cleanups.ts'
import { wordScope } from '../platform/wording.ts'
import { failedRestores, runningRestores } from '../restores/summarize-restores.ts'
import {
  expiringSnapshots,
  failedSnapshots,
  runningSnapshots,
  summarizeSnapshots,
  type DatasetSummary,
} from '../snapshots/summarize-snapshots.ts'
import findPage from './find-page.ts'
import { judge, verdict } from './verdict.ts'

const weekMs = 7 * 86_400_000
const shown = 5

/**
 * The page that answers in one look: is everything safe, and if not, what to do. A member, who may know of single
 * records only, goes on to their snapshots.
 */
const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({ group: 'Overview', label: 'Dashboard', path: '/', icon: 'dashboard', key: 'd' })
  await app.register(findPage)

  app.get(
    '/',
    { config: { permission: 'dashboard:view' }, schema: { hide: true } },
    async ({ actor }, reply) => {
      if (actor.role === 'member') return reply.redirect('/snapshots', 303)
      const [summaries, runningNow, failed, removedNext, entries] = await Promise.all([
        summarizeSnapshots(app.orm.em),
        running(app),
        failures(app),
        removals(app),
        may(actor, 'audit:list') ? latestEntries(app) : null,
      ])
      const datasets = describeDatasets(app, summaries)
      return reply.page('dashboard/show', {
        title: 'Dashboard',
        verdict: verdict(datasets.map(({ state }) => state)),
        datasets,
        totals: totalsOf([...summaries.values()]),
        running: runningNow,
        failures: failed,
        removals: removedNext,
        entries,
      })
    },
  )
}

export default plugin(routes, { name: 'dashboard', dependencies: ['snapshots', 'restores', 'cleanups'] })

function describeDatasets(app: FastifyInstance, summaries: Map<string, DatasetSummary>) {
  const now = app.clock.now()
  return app.datasets.list().map(({ name, title, problems }) => {
    const summary = summaries.get(name)
    const state = judge(
      { name, title, problems: problems.length, summary },
      now,
      app.config.backupRetentionDays,
    )
    const { snapshots = 0, storedBytes = 0, last = null } = summary ?? {}
    return { name, title, state, snapshots, storedBytes, last }
  })
}

function totalsOf(summaries: DatasetSummary[]) {
  const sum = (field: 'snapshots' | 'storedBytes') =>
    summaries.reduce((total, summary) => total + summary[field], 0)
  return { snapshots: sum('snapshots'), storedBytes: sum('storedBytes') }
}

async function running({ orm }: FastifyInstance) {
  const [snapshots, restores, cleanups] = await Promise.all([
    runningSnapshots(orm.em),
    runningRestores(orm.em),
    runningCleanups(orm.em),
  ])
  return [
    ...snapshots.map(({ id, dataset, scope, status }) => ({ ...snapshotLink(id, dataset, scope), status })),
    ...restores.map(({ id, dataset, status }) => ({ ...restoreLink(id, dataset), status })),
    ...cleanups.map(({ id, dataset, scope, status }) => ({ ...cleanupLink(id, dataset, scope), status })),
  ]
}

async function failures({ orm, clock }: FastifyInstance) {
  const since = new Date(clock.now().getTime() - weekMs)
  const [snapshots, restores, cleanups] = await Promise.all([
    failedSnapshots(orm.em, since, shown),
    failedRestores(orm.em, since, shown),
    failedCleanups(orm.em, since, shown),
  ])
  return [
    ...snapshots.map(({ id, dataset, scope, error, finishedAt }) => ({
      ...snapshotLink(id, dataset, scope),
      reason: error?.code,
      at: finishedAt!,
    })),
    ...restores.map(({ id, dataset, error, finishedAt }) => ({
      ...restoreLink(id, dataset),
      reason: error?.code,
      at: finishedAt!,
    })),
    ...cleanups.map(({ id, dataset, scope, error, finishedAt }) => ({
      ...cleanupLink(id, dataset, scope),
      reason: error?.code,
      at: finishedAt!,
    })),
  ]
    .sort((a, b) => b.at.getTime() - a.at.getTime())
    .slice(0, shown)
}

/** Records and files at their cleanup's deadline, and snapshots when their time ends, soonest first. */
async function removals({ orm }: FastifyInstance) {
  const [cleanups, snapshots] = await Promise.all([
    dueCleanups(orm.em, shown),
    expiringSnapshots(orm.em, shown),
  ])
  return [
    ...cleanups.map(({ id, dataset, scope, dueAt }) => ({ ...cleanupLink(id, dataset, scope), at: dueAt })),
    ...snapshots.map(({ id, dataset, scope, expiresAt }) => ({
      ...snapshotLink(id, dataset, scope),
      at: expiresAt!,
    })),
  ]
    .sort((a, b) => a.at.getTime() - b.at.getTime())
    .slice(0, shown)
}

async function latestEntries({ orm }: FastifyInstance) {
  return (await listAudit(orm.em.fork(), {}, { limit: shown })).entries
}

function snapshotLink(id: string, dataset: string, scope: unknown) {
  return { path: `/snapshots/${id}`, title: `Snapshot of ${dataset}, ${wordScope(scope)}` }
}

function restoreLink(id: string, dataset: string) {
  return { path: `/restores/${id}`, title: `Restore of ${dataset}` }
}

function cleanupLink(id: string, dataset: string, scope: unknown) {
  return { path: `/cleanups/${id}`, title: `Cleanup of ${dataset}, ${wordScope(scope)}` }
}
