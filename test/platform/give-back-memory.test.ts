import t from 'tap'
import { whenAtRest, type Look } from '../../src/platform/give-back-memory.ts'

t.test('memory is given back at rest, when that is worth it', async (t) => {
  let seen: Look = { at: 0, cpuMs: 0, heapBytes: 80e6 }
  let given = 0
  const consider = whenAtRest(
    () => seen,
    () => {
      given++
      seen = { ...seen, cpuMs: seen.cpuMs + 200, heapBytes: 50e6 }
    },
  )
  const after = (seconds: number, cpuMs: number, heapBytes: number) => {
    seen = { at: seen.at + seconds * 1000, cpuMs: seen.cpuMs + cpuMs, heapBytes }
    const before = given
    consider()
    return given > before
  }
  t.notOk(after(3, 2000, 80e6), 'not while it starts')
  t.ok(after(3, 30, 80e6), 'but once it rests')
  t.notOk(after(3, 30, 90e6), 'not again at once')
  t.notOk(after(600, 100, 55e6), 'not when little would come of it')
  t.notOk(after(3, 2000, 300e6), 'not while it works')
  t.ok(after(3, 30, 300e6), 'after a busy time')
  t.notOk(after(590, 100, 300e6), 'not more often than every ten minutes')
  t.ok(after(10, 100, 300e6), 'which are over then')
})
