import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { pendingCleanups } from '../cleanups/plan-cleanup.ts'
import type { Cleanup } from '../cleanups/cleanup.ts'
import type { Dataset } from '../datasets/definition.ts'
import { decodeCursor, encodeCursor } from '../platform/cursors.ts'
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
import { decide, type Rule, type Verdict } from './policy.ts'
import { policyOf, retainedSnapshots } from './snapshot-facts.ts'

/** Which of the snapshots are described one by one; the figures count all. */
export interface VerdictsQuery {
  /** Only those that stay, or only those that go. */
  verdict?: 'kept' | 'goes' | undefined
  /** A rule that keeps them, or by which they go. */
  rule?: Rule | undefined
  limit?: number
  cursor?: string | undefined
}

/** Where a page ended: the snapshot's id. */
const Position = Type.Tuple([Type.String({ format: 'uuid' })])

/**
 * What becomes of a dataset's snapshots and records, before it happens. Snapshots that go come first.
 * @throws Problem CURSOR_INVALID
 */
export async function describeRetention(
  app: FastifyInstance,
  dataset: Dataset,
  { verdict, rule, limit = 200, cursor }: VerdictsQuery = {},
) {
  const { config, clock } = app
  const policy = policyOf(dataset, config.backupRetentionDays)
  const verdicts = decide(await retainedSnapshots(app, dataset), policy, clock.now())
  const removed = verdicts.filter(({ keep }) => !keep)
  const wanted = [...removed, ...verdicts.filter(({ keep }) => keep)]
    .filter(({ keep }) => verdict === undefined || keep === (verdict === 'kept'))
    .filter(({ reasons }) => rule === undefined || reasons.some((reason) => reason.rule === rule))
  const [last] = decodeCursor(cursor, Position) ?? []
  const start = last === undefined ? 0 : wanted.findIndex(({ id }) => id === last) + 1
  const shown = wanted.slice(start, start + limit)
  const hasMore = wanted.length > start + limit && shown.length > 0
  const hasBackups = dataset.policies.backup !== undefined
  return {
    dataset: dataset.name,
    title: dataset.title,
    snapshots: {
      policy: wordPolicy(policy, hasBackups),
      keep: verdicts.length - removed.length,
      remove: removed.length,
      nextRun: await nextRun(app, 'snapshots.expiry'),
      rules: countRules(verdicts),
      items: await describeVerdicts(app, shown),
      nextCursor: hasMore ? encodeCursor([shown.at(-1)!.id]) : null,
    },
    backups: hasBackups ? { nextRun: await nextRun(app, backupName(dataset)), keep: policy.backups } : null,
    records: await describeRecords(app, dataset, recordRetention(dataset)),
  }
}

/** How many snapshots each rule keeps or lets go. */
function countRules(verdicts: Verdict[]): Partial<Record<Rule, number>> {
  const counts: Partial<Record<Rule, number>> = {}
  for (const { reasons } of verdicts)
    for (const rule of new Set(reasons.map((reason) => reason.rule))) counts[rule] = (counts[rule] ?? 0) + 1
  return counts
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
