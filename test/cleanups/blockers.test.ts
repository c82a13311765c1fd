import fc from 'fast-check'
import t from 'tap'
import { blockersOf } from '../../src/cleanups/blockers.ts'
import { statuses, type StoredPlan } from '../../src/cleanups/cleanup.ts'

const day = 86_400_000
const start = Date.parse('2026-01-01T00:00:00Z')

/** Random policies, holds, notices, gates and clocks that jump either way. */
const cases = fc.record({
  status: fc.constantFrom(...statuses),
  hold: fc.boolean(),
  noticeRequired: fc.boolean(),
  notice: fc.constantFrom('none' as const, 'pending' as const, 'delivered' as const, 'failed' as const),
  gate: fc.constantFrom(null, { open: true }, { open: false }),
  grace: fc.integer({ min: 0, max: 30 }),
  announced: fc.option(fc.integer({ min: 0, max: 30 })),
  postponed: fc.integer({ min: -10, max: 30 }),
  jumps: fc.array(fc.integer({ min: -40, max: 40 }), { maxLength: 5 }),
})

t.test('a cleanup runs when nothing stands against it, and only then', async (t) => {
  let ran = 0
  fc.assert(
    fc.property(
      cases,
      ({ status, hold, noticeRequired, notice, gate, grace, announced, postponed, jumps }) => {
        const dueAt = new Date(start + (grace + postponed) * day)
        const announcedDueAt = announced === null ? null : new Date(start + announced * day)
        const now = new Date(start + jumps.reduce((sum, jump) => sum + jump * day, 0))
        const verdict = gate && { ...gate, code: gate.open ? null : ('SNAPSHOT_STALE' as const), detail: '' }
        const found = blockersOf(
          { status, hold, dueAt, announcedDueAt, noticeRequired, plan: { over: null } as StoredPlan },
          { notice: { state: notice, deliveredAt: null }, gate: verdict },
          now,
        )
        const may =
          status === 'pending' &&
          !hold &&
          now >= dueAt &&
          (announcedDueAt === null || now >= announcedDueAt) &&
          (!noticeRequired || notice === 'delivered') &&
          (gate === null || gate.open)
        if (may) ran++
        return (
          (found.length === 0) === may &&
          found.every(({ code, detail }) => code !== '' && typeof detail === 'string')
        )
      },
    ),
    { numRuns: 10_000, seed: 11 },
  )
  t.ok(ran > 50, `${ran} of 10,000 may run`)
})
