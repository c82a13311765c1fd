import type { Scope } from '../datasets/scope.ts'
import { wordCount, wordTime } from '../platform/wording.ts'
import { zoneClock } from '../platform/zone-clock.ts'

/** What the policy looks at: a completed snapshot of one dataset. */
export interface RetainedSnapshot {
  id: string
  scope: Scope
  takenAt: Date
  /** Its stored bytes were what was written when they were last read. */
  verified: boolean
  hold: boolean
  expiresAt: Date | null
  /** Somebody chose `expiresAt`, null included, which then means never. Else it is what the dataset said at the time. */
  expiryChosen: boolean
  /** Holdfast took it before it changed rows: until when that can be undone with it. Null for all others. */
  undoUntil: Date | null
  /** It is one of the dataset's backups: the month or the time that it is the backup of. Null for all others. */
  backupOf: string | null
}

export interface SnapshotPolicy {
  expireAfterMs: number
  /** How many of each are kept beyond that, and for how long all are. */
  keep: Partial<Record<Bucket | 'last', number>> & { withinMs?: number }
  /** How many backups are kept. */
  backups: number
  /** In which days, weeks, months and years are counted. */
  timezone: string
}

export type Bucket = 'daily' | 'weekly' | 'monthly' | 'yearly'

export const rules = [
  ...(['hold', 'undo', 'newest', 'chosen', 'age', 'backup', 'last', 'within'] as const),
  ...(['daily', 'weekly', 'monthly', 'yearly', 'expired', 'surplus'] as const),
] as const
export type Rule = (typeof rules)[number]

/** Why a snapshot is kept or goes. */
export interface Reason {
  rule: Rule
  words: string
}

export interface Verdict {
  id: string
  keep: boolean
  /** All that keep it, or why it goes. */
  reasons: Reason[]
}

/**
 * Which snapshots of a dataset stay and which go, and why: a pure function of what there is and the time.
 *
 * What nothing overrules: a hold, an undo that is still possible, and the newest verified one, of all and of each kind of
 * scope. Then a time that somebody chose counts alone. Otherwise backups are counted, and all others stay for as long as
 * the policy says, and beyond that where a `keep` rule holds them.
 * @param snapshots completed ones of one dataset, in any order
 * @returns a verdict for each, newest first
 */
export function decide(snapshots: readonly RetainedSnapshot[], policy: SnapshotPolicy, now: Date): Verdict[] {
  const newestFirst = [...snapshots].sort(byAge)
  const nevers = protect(newestFirst, now)
  const kept = keepRules(newestFirst, policy, now)
  const backups = keptBackups(newestFirst, policy.backups)
  return newestFirst.map((snapshot) => {
    const { id } = snapshot
    const ordinary = judge(snapshot, policy, kept.get(id) ?? [], backups.has(id), now)
    const reasons = [...(nevers.get(id) ?? []), ...ordinary.filter(isKeeping)]
    return reasons.length > 0 ? { id, keep: true, reasons } : { id, keep: false, reasons: ordinary }
  })
}

/** Two of the same instant go by their ids, so that the order never depends on the input's. */
function byAge(a: RetainedSnapshot, b: RetainedSnapshot): number {
  return b.takenAt.getTime() - a.takenAt.getTime() || (a.id < b.id ? 1 : -1)
}

function isKeeping({ rule }: Reason): boolean {
  return rule !== 'expired' && rule !== 'surplus'
}

/** What is kept whatever anybody wants. */
function protect(newestFirst: RetainedSnapshot[], now: Date): Map<string, Reason[]> {
  const found = new Map<string, Reason[]>()
  const add = (id: string, reason: Reason) => found.set(id, [...(found.get(id) ?? []), reason])
  for (const { id, hold, undoUntil } of newestFirst) {
    if (hold) add(id, { rule: 'hold', words: 'It is on hold.' })
    if (undoUntil !== null && undoUntil > now)
      add(id, { rule: 'undo', words: `With it a change can be undone until ${wordTime(undoUntil)}.` })
  }
  for (const [id, words] of newestOf(newestFirst)) add(id, { rule: 'newest', words })
  return found
}

const kindWords = { all: 'all records', month: 'a month', period: 'a period', keys: 'single records' }

/**
 * The newest verified ones. What Holdfast took before a change holds only what the change touched, so it stands for no kind
 * of scope; yet when it is the newest at all, it stays as well.
 */
export function newestOf(newestFirst: readonly RetainedSnapshot[]): Map<string, string> {
  const verified = newestFirst.filter((snapshot) => snapshot.verified)
  const found = new Map<string, string>()
  for (const kind of ['all', 'month', 'period', 'keys'] as const) {
    const newest = verified.find(({ scope, undoUntil }) => undoUntil === null && kindOf(scope) === kind)
    if (newest) found.set(newest.id, `It is the newest verified one of ${kindWords[kind]}.`)
  }
  const [newest] = verified
  if (newest && !found.has(newest.id)) found.set(newest.id, 'It is the newest verified one.')
  return found
}

function kindOf(scope: Scope): keyof typeof kindWords {
  if ('all' in scope) return 'all'
  if ('month' in scope) return 'month'
  return 'keys' in scope ? 'keys' : 'period'
}

/** Without what nothing overrules. */
function judge(
  snapshot: RetainedSnapshot,
  policy: SnapshotPolicy,
  kept: Reason[],
  isKeptBackup: boolean,
  now: Date,
): Reason[] {
  const { expiresAt, expiryChosen, backupOf } = snapshot
  if (expiryChosen) return [judgeChosen(expiresAt, now)]
  if (backupOf !== null) return [judgeBackup(isKeptBackup, policy.backups)]
  const until = deadlineOf(snapshot, policy)
  if (until > now) return [{ rule: 'age', words: `It is kept until ${wordTime(until)}.` }, ...kept]
  return kept.length > 0 ? kept : [{ rule: 'expired', words: `Its time ended on ${wordTime(until)}.` }]
}

function judgeChosen(expiresAt: Date | null, now: Date): Reason {
  if (expiresAt === null) return { rule: 'chosen', words: 'Somebody chose that it never expires.' }
  if (expiresAt > now) return { rule: 'chosen', words: `Somebody chose ${wordTime(expiresAt)}.` }
  return { rule: 'expired', words: `Somebody chose that it expires on ${wordTime(expiresAt)}.` }
}

function judgeBackup(isKept: boolean, count: number): Reason {
  if (isKept) return { rule: 'backup', words: `It is one of the last ${wordCount(count, 'backup')}.` }
  return { rule: 'surplus', words: `There are ${wordCount(count, 'newer backup')}.` }
}

/** As the policy says now, or as it said when it was taken and people were told, whichever is later. */
function deadlineOf({ takenAt, expiresAt }: RetainedSnapshot, { expireAfterMs }: SnapshotPolicy): Date {
  return new Date(Math.max(takenAt.getTime() + expireAfterMs, expiresAt?.getTime() ?? 0))
}

/** The backups of the last so many months, or times. */
function keptBackups(newestFirst: RetainedSnapshot[], count: number): Set<string> {
  const of = new Set(newestFirst.flatMap(({ backupOf }) => backupOf ?? []))
  const latest = new Set([...of].sort().slice(-count))
  return new Set(newestFirst.flatMap(({ id, backupOf }) => (latest.has(backupOf ?? '') ? id : [])))
}

/** What the `keep` rules hold, each counted among the snapshots of the same scope: those are what replaces each other. */
function keepRules(
  newestFirst: RetainedSnapshot[],
  policy: SnapshotPolicy,
  now: Date,
): Map<string, Reason[]> {
  const found = new Map<string, Reason[]>()
  const add = (id: string, reason: Reason) => found.set(id, [...(found.get(id) ?? []), reason])
  const usual = newestFirst.filter(({ backupOf, undoUntil }) => backupOf === null && undoUntil === null)
  for (const group of Map.groupBy(usual, ({ scope }) => JSON.stringify(scope)).values()) {
    const { last = 0, withinMs = 0 } = policy.keep
    for (const { id } of group.slice(0, last))
      add(id, { rule: 'last', words: `It is one of the last ${last}.` })
    for (const { id, takenAt } of group)
      if (withinMs > 0 && takenAt.getTime() > now.getTime() - withinMs)
        add(id, { rule: 'within', words: 'It is young enough for `within`.' })
    for (const bucket of Object.keys(buckets) as Bucket[]) {
      for (const id of newestPer(bucket, group, policy))
        add(id, { rule: bucket, words: `It is the last of its ${bucketWords[bucket]}.` })
    }
  }
  return found
}

const bucketWords: Record<Bucket, string> = { daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' }

/** The latest snapshot of each of the last so many days that have one; the same for weeks, months and years. */
function newestPer(bucket: Bucket, newestFirst: RetainedSnapshot[], policy: SnapshotPolicy): string[] {
  const found = new Map<string, string>()
  const count = policy.keep[bucket] ?? 0
  for (const { id, takenAt } of newestFirst) {
    if (found.size === count) break
    const part = buckets[bucket](localDay(takenAt, policy.timezone))
    if (!found.has(part)) found.set(part, id)
  }
  return [...found.values()]
}

/** What a day's snapshots have in common. The day is written as its beginning in UTC. Weeks begin on Monday (ISO 8601). */
const buckets: Record<Bucket, (day: Date) => string> = {
  daily: (day) => day.toISOString().slice(0, 10),
  weekly: (day) => {
    const monday = new Date(day)
    monday.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7))
    return monday.toISOString().slice(0, 10)
  },
  monthly: (day) => day.toISOString().slice(0, 7),
  yearly: (day) => day.toISOString().slice(0, 4),
}

function localDay(at: Date, timezone: string): Date {
  return new Date(at.getTime() + zoneClock(timezone).offset(at.getTime()))
}
