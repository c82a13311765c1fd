import t from 'tap'
import { corrupt } from '../../torture/corruption.ts'
import { seeded } from '../../torture/random.ts'

/** The long form turns every bit and damages a thousand times: `npm run torture`. */
t.test('what is damaged is refused before the source is touched', async (t) => {
  const report = await corrupt(t, { random: seeded(5), bitsEvery: 23, damages: 42, askEvery: 14 })
  t.same(report.accepted, [])
  t.ok(report.bits > 500 && report.damages > 30 && report.asked >= 12, JSON.stringify(report))
})
