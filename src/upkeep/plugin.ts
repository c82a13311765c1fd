import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import type { ScheduleDefinition } from '../schedules/schedules.ts'
import { newestHead, publishHead } from './audit-heads.ts'
import { checkStore } from './check-store.ts'
import { forgetNotices } from './forget-notices.ts'
import { forgetRuns } from './forget-runs.ts'
import { sweepStore } from './sweep-store.ts'

/**
 * What Holdfast does for itself by schedule, one duty per file. Idempotency keys and rate limits are swept by the platform,
 * every ten minutes (src/platform/sweeping.ts).
 */
const upkeep: FastifyPluginAsyncTypebox = async (app) => {
  app.tellPublishedHead(() => newestHead(app))
  app.schedules.provide(() => duties(app))
}

function duties(app: FastifyInstance): ScheduleDefinition[] {
  const own = { dataset: null, timezone: app.config.timezone }
  return [
    {
      ...{ ...own, name: 'audit.head', cron: '30 0 * * *', title: 'Audit head' },
      description:
        "Puts the audit chain's head into the store, so that a log that is cut off later shows it.",
      run: () => publishHead(app),
    },
    {
      ...{ ...own, name: 'store.check', cron: '0 5 * * *', title: 'Store check' },
      description: 'Reads a share of the artifacts again: each is read at least every 30 days.',
      run: (occurrence) => checkStore(app, occurrence),
    },
    {
      ...{ ...own, name: 'store.sweep', cron: '30 5 * * *', title: 'Store sweep' },
      description: 'Removes what uploads left behind that died half-way.',
      run: () => sweepStore(app),
    },
    {
      ...{ ...own, name: 'runs.history', cron: '40 5 * * *', title: 'Run history' },
      description: 'Forgets runs of schedules that are more than 400 days old.',
      run: () => forgetRuns(app),
    },
    {
      ...{ ...own, name: 'notices.history', cron: '45 5 * * *', title: 'Notice history' },
      description: 'Forgets notices that came to an end more than 400 days ago.',
      run: () => forgetNotices(app),
    },
  ]
}

export default plugin(upkeep, { name: 'upkeep', dependencies: ['schedules', 'snapshots'] })
