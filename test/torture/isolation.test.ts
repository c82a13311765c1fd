import t from 'tap'
import { isolate } from '../../torture/isolation.ts'
import { seeded } from '../../torture/random.ts'

/** The long form takes fifty snapshots and measures for a minute: `npm run torture`. */
t.test('the sum holds in each snapshot, and the application goes on', async (t) => {
  const report = await isolate(t, { random: seeded(3), snapshots: 8, turnMs: 1500, turns: 1 })
  t.same(report.broken, [])
  t.ok(report.sums >= 8, `${report.sums} sums`)
  t.ok(report.together.transactions > 0)
  t.comment(`p99 ${report.together.p99} ms beside it, ${report.alone.p99} ms alone`)
})
