import t from 'tap'
import { seeded } from '../../torture/random.ts'
import { growthOf, slopeOf } from '../../torture/slopes.ts'
import { soak } from '../../torture/soak.ts'

t.test('what grows over the second half is told from what only moves', async (t) => {
  const minutes = Array.from({ length: 60 }, (_, i) => i)
  const wave = (at: number) => 100 + 8 * Math.sin(at * 1.7)
  t.ok(Math.abs(growthOf(minutes.map((at) => [at, wave(at)]))) < 4, 'a wave stays where it is')
  t.ok(Math.abs(growthOf(minutes.map((at) => [at, Math.min(at, 20) * 10]))) < 1, 'a warm-up ends')
  t.ok(growthOf(minutes.map((at) => [at, wave(at) + at])) > 25, 'a megabyte each minute adds up')
  t.equal(slopeOf([[1, 5]]), 0)
  t.equal(growthOf([]), 0)
})

/** The long form takes an hour, and stays flat: `npm run torture -- soak`. */
t.test('a service that leaks handles is noticed, and keeps every other promise meanwhile', async (t) => {
  const pace = { lookEveryMs: 300, faultEveryMs: 2000, restMs: 400 }
  const report = await soak(t, { random: seeded(4), minutes: 0.1, leak: 'handles', ...pace })
  t.match(
    report.broken.filter((line) => line.startsWith('flat: descriptors')),
    [/grew by/],
  )
  t.same(
    report.broken.filter((line) => !line.startsWith('flat: ')),
    [],
  )
})
