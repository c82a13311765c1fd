import type { FastifyInstance } from 'fastify'
import { dayOf, nextMonth, parseMonth, printDate } from '../datasets/calendar.ts'
import type { Dataset } from '../datasets/definition.ts'
import { occurrencesBetween } from '../schedules/occurrences.ts'
import { Schedule } from '../schedules/schedule.ts'
import { backupScope, backupsKept } from '../snapshots/expiry.ts'
import { Snapshot } from '../snapshots/snapshot.ts'
import { scopeOfBackup } from './back-up.ts'
import { backupName, backupRule, isBackedUp } from './backup-schedules.ts'

/** What became of one month's backup. `early`: it was due before anybody kept backups here. */
export type BackupState = 'completed' | 'generating' | 'failed' | 'missing' | 'pending' | 'early'

export interface BackupMonth {
  /** Such as `2026-10`. */
  month: string
  state: BackupState
  /** When it is or was due; null: no rule says so. */
  dueAt: Date | null
  /** The backup, or the last attempt at one. */
  snapshot: Snapshot | null
}

/** Months that are shown at most. */
const most = 36

/**
 * The months whose backups are kept, newest first, with what became of each; null for a dataset whose backups hold all
 * records, or that has none.
 */
export async function backupMonths(app: FastifyInstance, dataset: Dataset): Promise<BackupMonth[] | null> {
  if (dataset.policies.backup === undefined || backupScope(dataset) === 'all') return null
  const now = app.clock.now()
  const months = lastMonths(dayOf(now, dataset.timezone).date, Math.min(backupsKept(dataset), most))
  const em = app.orm.em.fork()
  const schedule = await em.findOne(Schedule, { name: backupName(dataset) })
  const due = dueTimes(dataset, months, now)
  const taken = await takenByMonth(app, dataset)
  return months.map((month) => {
    const snapshot = taken.get(month) ?? null
    const dueAt = due.get(month) ?? null
    return { month, snapshot, dueAt, state: stateOf(snapshot, dueAt, schedule?.firstSeenAt ?? now, now) }
  })
}

/** The months before one, the last first. */
function lastMonths({ year, month }: { year: number; month: number }, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const index = year * 12 + (month - 1) - (i + 1)
    return printDate({ year: Math.floor(index / 12), month: (index % 12) + 1, day: 1 }).slice(0, 7)
  })
}

/** When each month's backup is due first. */
function dueTimes(dataset: Dataset, months: string[], now: Date): Map<string, Date> {
  const found = new Map<string, Date>()
  if (!isBackedUp(dataset)) return found
  const first = parseMonth(months.at(-1)!)!
  const from = new Date(Date.UTC(first.year, first.month - 1, 1))
  const { year, month } = nextMonth(dayOf(now, dataset.timezone).date)
  for (const dueAt of occurrencesBetween(backupRule(dataset), from, new Date(Date.UTC(year, month, 1)))) {
    const scope = scopeOfBackup(dataset, dueAt)
    if ('month' in scope && !found.has(scope.month)) found.set(scope.month, dueAt)
  }
  return found
}

const rank = { completed: 0, generating: 1, queued: 1, failed: 2, expired: 3 } as const

/** Of each month the best that there is. */
async function takenByMonth({ orm }: FastifyInstance, dataset: Dataset): Promise<Map<string, Snapshot>> {
  const where = { dataset: dataset.name, trigger: 'scheduled', deletedAt: null } as const
  const found = await orm.em.fork().find(Snapshot, where, { orderBy: { id: 'desc' } })
  const best = new Map<string, Snapshot>()
  for (const snapshot of found) {
    if (!('month' in snapshot.scope) || snapshot.status === 'expired') continue
    const { month } = snapshot.scope
    const other = best.get(month)
    if (other === undefined || rank[snapshot.status] < rank[other.status]) best.set(month, snapshot)
  }
  return best
}

function stateOf(snapshot: Snapshot | null, dueAt: Date | null, since: Date, now: Date): BackupState {
  if (snapshot !== null) return snapshot.isUnfinished() ? 'generating' : (snapshot.status as BackupState)
  if (dueAt !== null && dueAt > now) return 'pending'
  return dueAt === null || dueAt < since ? 'early' : 'missing'
}
