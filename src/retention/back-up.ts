import type { FastifyInstance } from 'fastify'
import { dayOf, printDate } from '../datasets/calendar.ts'
import type { Dataset } from '../datasets/definition.ts'
import type { Scope } from '../datasets/scope.ts'
import { announce } from '../notifications/announce.ts'
import { Problem } from '../platform/errors.ts'
import { wordCount, wordScope } from '../platform/wording.ts'
import type { Occurrence, RunOutcome } from '../schedules/schedules.ts'
import { snapshotProblems } from '../snapshots/errors.ts'
import { backupScope } from '../snapshots/expiry.ts'
import { Snapshot } from '../snapshots/snapshot.ts'
import { takeSnapshot } from '../snapshots/take-snapshot.ts'
import { finishedSnapshot } from './finished-snapshot.ts'

/** The records that a backup holds which is due at an instant: of the month before, in the dataset's time zone, or all. */
export function scopeOfBackup(dataset: Dataset, dueAt: Date): Scope {
  if (backupScope(dataset) === 'all') return { all: true }
  const { year, month } = dayOf(dueAt, dataset.timezone).date
  const before = month === 1 ? { year: year - 1, month: 12 } : { year, month: month - 1 }
  return { month: printDate({ ...before, day: 1 }).slice(0, 7) }
}

/**
 * The backup that is due at an instant, if there is one or it is being taken. A month has one; a backup of all records
 * belongs to the time it was due.
 */
export async function findBackup(
  { orm }: FastifyInstance,
  dataset: Dataset,
  dueAt: Date,
): Promise<Snapshot | null> {
  const scope = scopeOfBackup(dataset, dueAt)
  return orm.em.fork().findOne(
    Snapshot,
    {
      ...{ dataset: dataset.name, trigger: 'scheduled', scope: { $contains: scope }, deletedAt: null },
      status: { $in: ['queued', 'generating', 'completed'] },
      ...('all' in scope && { createdAt: { $gte: dueAt } }),
    },
    { orderBy: { id: 'desc' } },
  )
}

/**
 * Takes the backup that is due, waits until it is there, and has people told. One that is there already is not replaced.
 * @throws Problem BACKUP_FAILED, or what kept it from being begun; people are told of that as well
 */
export async function backUp(
  app: FastifyInstance,
  name: string,
  occurrence: Occurrence,
): Promise<RunOutcome> {
  const { runId, dueAt, signal } = occurrence
  try {
    return await take(app, app.datasets.get(name), occurrence)
  } catch (error) {
    if (signal.aborted) throw error
    const facts = { scope: scopeIfKnown(app, name, dueAt), error: describe(error) }
    const about = { type: 'schedule_run', id: runId }
    await app.orm.em
      .fork()
      .transactional((em) => announce(app, em, { event: 'backup_failed', dataset: name, about, facts }))
    throw error
  }
}

async function take(
  app: FastifyInstance,
  dataset: Dataset,
  { dueAt, cause, signal, attempt }: Occurrence,
): Promise<RunOutcome> {
  const scope = scopeOfBackup(dataset, dueAt)
  const present = await findBackup(app, dataset, dueAt)
  // What an earlier attempt of this run began is its own.
  if (present?.status === 'completed' && attempt === 1)
    return {
      note: `There is a backup of ${wordScope(scope)} already; nothing was replaced.`,
      caused: [{ type: 'snapshot', id: present.id }],
    }
  const wanted = { dataset: dataset.name, scope, trigger: 'scheduled' } as const
  const { id } = present ?? (await takeSnapshot(app, wanted, cause)).snapshot
  const snapshot = await finishedSnapshot(app, id, signal)
  if (snapshot.status !== 'completed') throw failed(snapshot)
  await announceDone(app, snapshot)
  const { records, rows } = countsOf(dataset, snapshot)
  return {
    counts: { records, rows, bytes: snapshot.bytes! },
    note: `${wordScope(scope)}: ${wordCount(records, 'record')}.`,
    caused: [{ type: 'snapshot', id }],
  }
}

function failed({ error }: Snapshot): Problem {
  return snapshotProblems.BACKUP_FAILED(
    `The backup could not be taken: ${error?.detail ?? 'it was cancelled'}`,
  )
}

function countsOf({ root }: Dataset, { counts }: Snapshot): { records: number; rows: number } {
  return {
    records: counts[root.name] ?? 0,
    rows: Object.values(counts).reduce((sum, count) => sum + count, 0),
  }
}

async function announceDone(app: FastifyInstance, snapshot: Snapshot): Promise<void> {
  const { id, dataset, scope, counts, bytes, sha256 } = snapshot
  const facts = { snapshotId: id, scope, counts, bytes, sha256 }
  const about = { type: 'snapshot', id }
  await app.orm.em
    .fork()
    .transactional((em) => announce(app, em, { event: 'backup_completed', dataset, about, facts }))
}

/** A dataset that can't be used can't tell either. */
function scopeIfKnown({ datasets }: FastifyInstance, name: string, dueAt: Date): Scope | null {
  const usable = datasets.list().some((listed) => listed.name === name && listed.problems.length === 0)
  return usable ? scopeOfBackup(datasets.get(name), dueAt) : null
}

function describe(error: unknown): string {
  return error instanceof Problem
    ? error.message
    : 'Something went wrong on our side; the log has the details.'
}
