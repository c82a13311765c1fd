import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { usableNames } from './usable-datasets.ts'
import type { EntityManager } from '../platform/database.ts'
import { Problem } from '../platform/errors.ts'
import type { Occurrence, RunOutcome } from '../schedules/schedules.ts'
import { expireSnapshot } from '../snapshots/delete-snapshot.ts'
import { retentionProblems } from './errors.ts'
import { decide, newestOf, type RetainedSnapshot, type Verdict } from './policy.ts'
import { lockGood } from './queries.ts'
import { policyOf, retainedSnapshots } from './snapshot-facts.ts'
import type { Snapshot } from '../snapshots/snapshot.ts'

/**
 * Ends the snapshots whose time is over, dataset by dataset. Those of a dataset that can't be used are left alone: nobody
 * says what should become of them.
 */
export async function expireSnapshots(app: FastifyInstance, occurrence: Occurrence): Promise<RunOutcome> {
  const counts = { expired: 0, kept: 0, changed: 0 }
  for (const name of usableNames(app)) await expireOf(app, app.datasets.get(name), occurrence, counts)
  return { counts }
}

async function expireOf(
  app: FastifyInstance,
  dataset: Dataset,
  { cause, signal }: Occurrence,
  counts: { expired: number; kept: number; changed: number },
): Promise<void> {
  const snapshots = await retainedSnapshots(app, dataset)
  const verdicts = decide(snapshots, policyOf(dataset, app.config.backupRetentionDays), app.clock.now())
  const facts = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]))
  const newest = [...newestOf(byAge(snapshots)).keys()]
  for (const verdict of verdicts) {
    signal.throwIfAborted()
    if (verdict.keep) counts.kept += 1
    else if (await expire(app, verdict, facts.get(verdict.id)!, newest, cause)) counts.expired += 1
    else counts.changed += 1
  }
}

function byAge(snapshots: RetainedSnapshot[]): RetainedSnapshot[] {
  return snapshots.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
}

/** @returns false when something about it has changed since the verdict; the next run looks at it anew */
async function expire(
  app: FastifyInstance,
  { id, reasons }: Verdict,
  facts: RetainedSnapshot,
  newest: string[],
  cause: Occurrence['cause'],
): Promise<boolean> {
  const check = async (em: EntityManager, present: Snapshot) => {
    if (present.expiresAt?.getTime() !== facts.expiresAt?.getTime()) throw changed(id, 'another expiry')
    if (present.expiryChosen !== facts.expiryChosen) throw changed(id, 'another expiry')
    if ((await lockGood(em, newest)) < newest.length) throw changed(id, 'lost a newer one')
  }
  try {
    await expireSnapshot(app, id, cause, { reasons: reasons.map(({ words }) => words), check })
    return true
  } catch (error) {
    if (error instanceof Problem && expected.has(error.code)) return false
    throw error
  }
}

/** What may have become of a snapshot in the meantime. */
const expected = new Set([
  'RETENTION_CHANGED',
  'SNAPSHOT_NOT_FOUND',
  'SNAPSHOT_HELD',
  'SNAPSHOT_NOT_COMPLETED',
  'SNAPSHOT_NEEDED',
])

function changed(id: string, what: string): Problem {
  return retentionProblems.RETENTION_CHANGED(`Snapshot ${id} has ${what}.`)
}
