import t from 'tap'
import { unreachedNames } from '../../torture/coverage.ts'
import { torture } from '../../torture/kills.ts'
import { seeded } from '../../torture/random.ts'

/** The long form kills a thousand times: `npm run torture`. */
t.test('killed where it hurts most, the service keeps every promise', async (t) => {
  const names = [
    'restore.recorded',
    'cleanup.chunk-recorded',
    'snapshot.manifest-written',
    'restore.committed',
  ]
  const report = await torture(t, { random: seeded(20_261_121), kills: 5, places: 1, names })
  t.same(report.broken, [])
  t.ok(report.checks >= 4 && report.kills >= 5, `${report.checks} checks, ${report.kills} kills`)
  for (const name of names) t.ok(report.at.get(name), name)
  for (const promise of promises) t.ok(report.looked[promise]! > 0, promise)
})

const promises = [
  'nothing stuck',
  'completed is whole',
  'no orphan bytes',
  'other rows untouched',
  'nothing gone unheld',
  'cleanups whole or not at all',
  'no lock left',
  'audit chain whole',
  'one instant',
]

t.test('no failpoint is dead: some work reaches each of them', async (t) => {
  t.same(await unreachedNames(t, seeded(7), 60_000), [])
})
