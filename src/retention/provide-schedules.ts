import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import type { ScheduleDefinition } from '../schedules/schedules.ts'
import { backupScope, backupsKept } from '../snapshots/expiry.ts'
import { backUp } from './back-up.ts'
import { backupName, backupRule, isBackedUp } from './backup-schedules.ts'
import { wordLength } from './describe-policy.ts'
import { expireSnapshots } from './expire-snapshots.ts'
import { planRetention, recordRetention, retentionName, type RecordRetention } from './plan-retention.ts'
import { usableNames } from './usable-datasets.ts'
import { watchBackups } from './watch-backups.ts'

/** The schedules of retention: those of Holdfast itself, and those that dataset files declare. */
export function schedulesOf(app: FastifyInstance): ScheduleDefinition[] {
  const datasets = usableNames(app).map((name) => app.datasets.get(name))
  return [
    {
      name: 'snapshots.expiry',
      title: 'Snapshot expiry',
      description: 'Removes snapshots whose time is over; GET /api/retention shows which, and why.',
      dataset: null,
      ...{ cron: '0 4 * * *', timezone: app.config.timezone },
      run: (occurrence) => expireSnapshots(app, occurrence),
    },
    {
      name: 'backups.watch',
      title: 'Watch over backups',
      description: 'Has people told of a backup that should be there and is not.',
      dataset: null,
      ...{ cron: '0 8 * * *', timezone: app.config.timezone },
      run: () => watchBackups(app),
    },
    ...datasets
      .filter(({ policies }) => policies.backup !== undefined)
      .map((dataset) => backup(app, dataset)),
    ...datasets.flatMap((dataset) => {
      const rule = recordRetention(dataset)
      return rule === null ? [] : records(app, dataset, rule)
    }),
  ]
}

function records(app: FastifyInstance, dataset: Dataset, rule: RecordRetention): ScheduleDefinition {
  return {
    name: retentionName(dataset),
    title: `Retention of ${dataset.title}`,
    description: `Plans the removal of records that are older than ${wordLength(rule.ageMs)}; it takes effect ${wordLength(rule.graceMs)} later.`,
    dataset: dataset.name,
    ...{ cron: rule.cron, timezone: dataset.timezone, enabled: rule.enabled },
    run: (occurrence) => planRetention(app, dataset.name, occurrence),
  }
}

function backup(app: FastifyInstance, dataset: Dataset): ScheduleDefinition {
  const what = backupScope(dataset) === 'all' ? 'all records' : "the previous month's records"
  return {
    name: backupName(dataset),
    title: `Backup of ${dataset.title}`,
    description: `Takes a snapshot of ${what}; the last ${backupsKept(dataset)} are kept.`,
    dataset: dataset.name,
    ...backupRule(dataset),
    enabled: isBackedUp(dataset),
    run: (occurrence) => backUp(app, dataset.name, occurrence),
  }
}
