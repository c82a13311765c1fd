import t from 'tap'
import { injectFaults } from '../../torture/faults.ts'
import { seeded } from '../../torture/random.ts'

/** The long form has hundreds of cuts and fifty full disks: `npm run torture`. */
t.test('whatever fails around it, the service says what it was and keeps its promises', async (t) => {
  const report = await injectFaults(t, { random: seeded(11), cuts: 6, fullAt: 4, sleeps: 3 })
  t.same(report.broken, [])
  t.comment(report.ends)
})
