import type { FastifyInstance } from 'fastify'
import { pendingCleanups } from '../cleanups/plan-cleanup.ts'
import type { Cleanup } from '../cleanups/cleanup.ts'
import type { Dataset } from '../datasets/definition.ts'
import { Problem } from '../platform/errors.ts'
import { nextRunOf } from '../schedules/describe-schedules.ts'
import { Snapshot } from '../snapshots/snapshot.ts'
import { backupName } from './backup-schedules.ts'
import { countRecords } from './count-past-queries.ts'
import { wordPolicy, wordRecordRetention } from './describe-policy.ts'
import {
  cutoffOf,
  recordRetention,
  retentionName,
  scopePast,
  type RecordRetention,
} from './plan-retention.ts'
import { decide, type Verdict } from './policy.ts'
import { policyOf, retainedSnapshots } from './snapshot-facts.ts'

/**
 * What becomes of a dataset's snapshots and records, before it happens. Snapshots that go come first.
 * @param most how many snapshots are described one by one
 */
export async function describeRetention(app: FastifyInstance, dataset: Dataset, most = 200) {
  const { config, clock } = app
  const policy = policyOf(dataset, config.backupRetentionDays)
  const verdicts = decide(await retainedSnapshots(app, dataset), policy, clock.now())
  const removed = verdicts.filter(({ keep }) => !keep)
  const shown = [...removed, ...verdicts.filter(({ keep }) => keep)].slice(0, most)
  const hasBackups = dataset.policies.backup !== undefined
  return {
    dataset: dataset.name,
    title: dataset.title,
    snapshots: {
      policy: wordPolicy(policy, hasBackups),
      keep: verdicts.length - removed.length,
      remove: removed.length,
      nextRun: await nextRun(app, 'snapshots.expiry'),
      items: await describeVerdicts(app, shown),
    },
    backups: hasBackups ? { nextRun: await nextRun(app, backupName(dataset)), keep: policy.backups } : null,
    records: await describeRecords(app, dataset, recordRetention(dataset)),
  }
}

async function describeVerdicts({ orm }: FastifyInstance, verdicts: Verdict[]) {
  const found = await orm.em
    .fork()
    .find(
      Snapshot,
      { id: { $in: verdicts.map(({ id }) => id) } },
      { fields: ['title', 'scope', 'trigger', 'takenAt'] },
    )
  const snapshots = new Map(found.map((snapshot) => [snapshot.id, snapshot]))
  return verdicts.flatMap(({ id, keep, reasons }) => {
    const snapshot = snapshots.get(id)
    if (snapshot === undefined) return []
    const { title, scope, trigger, takenAt } = snapshot
    return { id, title, scope, trigger, takenAt: takenAt!.toISOString(), keep, reasons }
  })
}

async function describeRecords(app: FastifyInstance, dataset: Dataset, rule: RecordRetention | null) {
  if (rule === null) return null
  const cutoff = cutoffOf(rule, app.clock.now())
  return {
    policy: wordRecordRetention(rule),
    enabled: rule.enabled,
    cutoff: cutoff.toISOString(),
    past: await countPast(app, dataset, cutoff),
    nextRun: await nextRun(app, retentionName(dataset)),
    pendingCleanups: (await pendingCleanups(app.orm.em, dataset.name, 'records')).map(describeCleanup),
  }
}

/** Null when the source can't be asked now. */
async function countPast(app: FastifyInstance, dataset: Dataset, cutoff: Date): Promise<number | null> {
  try {
    return await countRecords(app.datasets.source(dataset), dataset, scopePast(cutoff))
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}

function describeCleanup({ id, status, dueAt, hold, plan }: Cleanup) {
  const records = 'records' in plan ? plan.records : 0
  return { id, status, dueAt: dueAt.toISOString(), hold, records }
}

async function nextRun(app: FastifyInstance, name: string): Promise<string | null> {
  return (await nextRunOf(app, name))?.toISOString() ?? null
}
