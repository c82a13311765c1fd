import t from 'tap'
import { parseDuration } from '../../src/platform/durations.ts'

t.test('durations', async (t) => {
  t.equal(parseDuration('90s'), 90_000)
  t.equal(parseDuration('15m'), 900_000)
  t.equal(parseDuration('1h'), 3_600_000)
  t.equal(parseDuration('7d'), 604_800_000)
  t.equal(parseDuration('4w'), 2_419_200_000)
  for (const wrong of ['', '1', 'h', '0h', '-1h', '1.5h', '1 h', '1H', '1y', '01h', '1234567s', '1h30m'])
    t.throws(() => parseDuration(wrong), RangeError, wrong)
})
