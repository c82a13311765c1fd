import fc from 'fast-check'
import t from 'tap'
import { decide, type RetainedSnapshot, type Rule, type SnapshotPolicy } from '../../src/retention/policy.ts'

const day = 86_400_000
const now = new Date('2026-11-20T12:00:00Z')
const week: SnapshotPolicy = { expireAfterMs: 7 * day, keep: {}, backups: 24, timezone: 'UTC' }

let made = 0

/** A snapshot of everything, verified, that was taken so many days ago. */
function taken(daysAgo: number, more: Partial<RetainedSnapshot> = {}): RetainedSnapshot {
  return {
    ...{ id: `s${++made}`, scope: { all: true }, takenAt: new Date(now.getTime() - daysAgo * day) },
    ...{ verified: true, hold: false, expiresAt: null, expiryChosen: false, undoUntil: null, backupOf: null },
    ...more,
  }
}

/** The rules by which each is kept or goes, in the order given. */
function rules(snapshots: RetainedSnapshot[], policy: SnapshotPolicy = week, at = now): string[] {
  const verdicts = new Map(decide(snapshots, policy, at).map((verdict) => [verdict.id, verdict]))
  return snapshots.map(({ id }) => {
    const { keep, reasons } = verdicts.get(id)!
    return `${keep ? 'keep' : 'remove'} ${reasons.map(({ rule }) => rule).join()}`
  })
}

t.test('by age', async (t) => {
  t.same(rules([taken(1), taken(6.9), taken(7), taken(100)]), [
    'keep newest,age',
    'keep age',
    'remove expired',
    'remove expired',
  ])
  const promised = taken(20, { expiresAt: new Date(now.getTime() + day) })
  t.same(
    rules([taken(1), promised])[1],
    'keep age',
    'what people were told holds when the policy gets shorter',
  )
})

t.test('what nothing overrules', async (t) => {
  const past = { expiryChosen: true, expiresAt: new Date('2026-01-01T00:00:00Z') }
  const month = { scope: { month: '2026-01' } }
  const keys = { scope: { keys: ['1'] } }
  t.same(rules([taken(300, past)]), ['keep newest'], 'the newest verified one')
  t.same(
    rules([taken(300, { ...past, ...keys }), taken(400, { ...past, ...month }), taken(500, past)]),
    ['keep newest', 'keep newest', 'keep newest'],
    'of each kind of scope',
  )
  t.same(
    rules([taken(1, { verified: false }), taken(300, past)])[1],
    'keep newest',
    'one that is not verified stands for none',
  )
  const open = { ...past, undoUntil: new Date(now.getTime() + 1) }
  const over = { ...past, undoUntil: now }
  t.same(rules([taken(2), taken(10, { ...past, hold: true }), taken(11, open), taken(12, over)]), [
    'keep newest,age',
    'keep hold',
    'keep undo',
    'remove expired',
  ])
  t.same(
    rules([taken(10, over), taken(11, past)]),
    ['keep newest', 'keep newest'],
    'a safety snapshot hides no other',
  )
})

t.test('a time that somebody chose', async (t) => {
  const chosen = (expiresAt: Date | null) => ({ expiryChosen: true, expiresAt })
  const keepAll: SnapshotPolicy = { ...week, keep: { last: 100 } }
  t.same(
    rules(
      [taken(0), taken(3, chosen(now)), taken(3, chosen(new Date('2030-01-01'))), taken(900, chosen(null))],
      keepAll,
    ),
    ['keep newest,age,last', 'remove expired', 'keep chosen', 'keep chosen'],
  )
})

t.test('keep rules, by the scope', async (t) => {
  const ages = [8, 8.2, 9, 10, 15, 40, 41, 400]
  const keep = (rule: SnapshotPolicy['keep']) =>
    rules([taken(0), ...ages.map((age) => taken(age))], { ...week, keep: rule })
      .slice(1)
      .flatMap((words, i) => (words.startsWith('keep') ? ages[i]! : []))
  t.same(keep({ last: 3 }), [8, 8.2])
  t.same(keep({ daily: 4 }), [8, 9, 10])
  t.same(keep({ weekly: 4 }), [8, 15, 40])
  t.same(keep({ monthly: 3 }), [40, 400])
  t.same(keep({ yearly: 2 }), [400])
  t.same(keep({ withinMs: 15 * day }), [8, 8.2, 9, 10])
  const other = { scope: { keys: ['2'] } }
  t.same(
    rules([taken(8), taken(9), taken(10, other), taken(11, other)], { ...week, keep: { last: 1 } }),
    ['keep newest,last', 'remove expired', 'keep newest,last', 'remove expired'],
    'snapshots of another scope replace none',
  )
})

t.test('days are those of the time zone', async (t) => {
  const at = (time: string) => taken(0, { takenAt: new Date(time) })
  const snapshots = [at('2026-11-01T17:00:00Z'), at('2026-11-01T15:00:00Z'), at('2026-10-31T17:00:00Z')]
  const kept = (timezone: string) =>
    rules(snapshots, { ...week, keep: { daily: 2 }, timezone }).map((words) => words.split(' ')[0])
  t.same(kept('UTC'), ['keep', 'remove', 'keep'])
  t.same(kept('Asia/Kuala_Lumpur'), ['keep', 'keep', 'remove'])
})

t.test('backups are counted, not aged', async (t) => {
  const months = Array.from({ length: 30 }, (_, i) => taken(30 * i, { backupOf: `b${String(99 - i)}` }))
  const words = rules(months)
  t.same(words.slice(0, 24), ['keep newest,backup', ...Array.from({ length: 23 }, () => 'keep backup')])
  t.same(
    words.slice(24),
    Array.from({ length: 6 }, () => 'remove surplus'),
  )
})

t.test('the example of docs/retention.md', async (t) => {
  const policy: SnapshotPolicy = { ...week, keep: { daily: 2, monthly: 2 } }
  const times = ['11-19T18', '11-19T06', '11-12T18', '11-12T06', '10-31T18', '09-30T18']
  const snapshots = times.map((time) => taken(0, { takenAt: new Date(`2026-${time}:00:00Z`) }))
  t.same(rules(snapshots, policy), [
    'keep newest,age,daily,monthly',
    'keep age',
    'keep daily',
    'remove expired',
    'keep monthly',
    'remove expired',
  ])
})

const zones = ['UTC', 'Asia/Kuala_Lumpur', 'Europe/Berlin', 'America/New_York']
const instant = fc
  .integer({ min: -1200 * day, max: 300 * day })
  .map((apart) => new Date(now.getTime() + apart))
const count = fc.integer({ min: 1, max: 5 })

const anySnapshot = fc.record({
  id: fc.uuid(),
  scope: fc.constantFrom(
    { all: true } as const,
    { month: '2026-10' },
    { from: '2026-01-01' },
    { keys: ['1'] },
    { keys: ['2'] },
  ),
  takenAt: instant,
  verified: fc.boolean(),
  hold: fc.boolean(),
  expiresAt: fc.option(instant),
  expiryChosen: fc.boolean(),
  undoUntil: fc.option(instant),
  backupOf: fc.option(fc.constantFrom('2026-08', '2026-09', '2026-10', '2026-11')),
})

const anyPolicy: fc.Arbitrary<SnapshotPolicy> = fc.record({
  expireAfterMs: fc.integer({ min: 1, max: 400 }).map((days) => days * day),
  keep: fc.record(
    {
      last: count,
      daily: count,
      weekly: count,
      monthly: count,
      yearly: count,
      withinMs: count.map((n) => n * 30 * day),
    },
    { requiredKeys: [] },
  ),
  backups: fc.integer({ min: 1, max: 3 }),
  timezone: fc.constantFrom(...zones),
})

/** Why a removal is wrong, found without the policy's code: from promise to promise. Null when it is right. */
function wrong(
  gone: RetainedSnapshot,
  all: RetainedSnapshot[],
  policy: SnapshotPolicy,
  at: Date,
): string | null {
  const isLater = (one: RetainedSnapshot) => one !== gone && one.takenAt >= gone.takenAt && one.verified
  const kind = ({ scope }: RetainedSnapshot) => Object.keys(scope).sort().join()
  const own = all.filter((one) => one.undoUntil === null && one.backupOf === null)
  const rivals = own.filter((one) => JSON.stringify(one.scope) === JSON.stringify(gone.scope))
  if (gone.hold) return 'held'
  if (gone.undoUntil !== null && gone.undoUntil > at) return 'could be undone'
  if (gone.verified && !all.some(isLater)) return 'newest of all'
  if (gone.verified && gone.undoUntil === null)
    if (!all.some((one) => isLater(one) && one.undoUntil === null && kind(one) === kind(gone)))
      return 'newest of its kind'
  if (gone.expiryChosen) return gone.expiresAt === null || gone.expiresAt > at ? 'chosen' : null
  if (gone.backupOf !== null) {
    const later = new Set(
      all.flatMap(({ backupOf }) => (backupOf !== null && backupOf > gone.backupOf! ? backupOf : [])),
    )
    return later.size < policy.backups ? 'a backup too few' : null
  }
  if (gone.takenAt.getTime() + policy.expireAfterMs > at.getTime()) return 'too young'
  if (gone.expiresAt !== null && gone.expiresAt > at) return 'promised'
  if (gone.undoUntil !== null) return null
  const later = rivals.filter((one) => one !== gone && one.takenAt >= gone.takenAt)
  if (later.length < (policy.keep.last ?? 0)) return 'among the last'
  if (gone.takenAt.getTime() > at.getTime() - (policy.keep.withinMs ?? 0)) return 'within'
  return wrongInBuckets(gone, later, policy)
}

const parts: [rule: 'daily' | 'monthly' | 'yearly', length: number][] = [
  ['daily', 10],
  ['monthly', 7],
  ['yearly', 4],
]

/** The last of its day is kept unless so many later days have one; days as Intl shows them. */
function wrongInBuckets(
  gone: RetainedSnapshot,
  later: RetainedSnapshot[],
  policy: SnapshotPolicy,
): string | null {
  const format = formats.get(policy.timezone)!
  for (const [rule, length] of parts) {
    const part = (one: RetainedSnapshot) => format.format(one.takenAt).slice(0, length)
    const taken = new Set(later.map(part))
    if (!taken.has(part(gone)) && taken.size < (policy.keep[rule] ?? 0)) return rule
  }
  return null
}

const formats = new Map(zones.map((timeZone) => [timeZone, new Intl.DateTimeFormat('sv-SE', { timeZone })]))

t.test('whatever there is and however the clock jumps, nothing is removed wrongly', async (t) => {
  const jumps = fc.array(instant, { minLength: 1, maxLength: 4 })
  const removed: Partial<Record<Rule, number>> = {}
  const snapshots = fc.uniqueArray(anySnapshot, { maxLength: 12, selector: ({ id }) => id })
  const property = fc.property(snapshots, anyPolicy, jumps, (snapshots, policy, jumps) => {
    let left: RetainedSnapshot[] = snapshots
    for (const at of jumps) {
      const verdicts = decide(left, policy, at)
      const gone = new Set(verdicts.flatMap(({ id, keep }) => (keep ? [] : id)))
      for (const snapshot of left) {
        if (!gone.has(snapshot.id)) continue
        const why = wrong(snapshot, left, policy, at)
        if (why !== null) throw new Error(`${why}: ${JSON.stringify(snapshot)}`)
      }
      for (const { keep, reasons } of verdicts) {
        if (reasons.length === 0) throw new Error('without a reason')
        if (!keep) for (const { rule } of reasons) removed[rule] = (removed[rule] ?? 0) + 1
      }
      left = left.filter(({ id }) => !gone.has(id))
    }
  })
  fc.assert(property, { numRuns: 10_000 })
  t.ok(removed.expired! > 1000 && removed.surplus! > 100, `removed in all: ${JSON.stringify(removed)}`)
})

t.test('what the property would find is found', async (t) => {
  const [held, newest] = [taken(100, { hold: true }), taken(1)]
  t.equal(wrong(held, [held, newest], week, now), 'held')
  t.equal(wrong(newest, [held, newest], week, now), 'newest of all')
  t.equal(wrong(taken(3), [newest], week, now), 'too young')
  t.equal(wrong(taken(100), [newest], week, now), null)
})
