import fc from 'fast-check'
import t from 'tap'
import { cronProblem, nextOccurrences, occurrencesBetween } from '../../src/schedules/occurrences.ts'
import { localTimes, type Daily } from './local-days.ts'

const zones = ['Asia/Kuala_Lumpur', 'Europe/Berlin', 'America/New_York']
const [from, to] = ['2026-01-01', '2031-01-01']

/** Instants as text, of whole days on a zone's clocks. */
function due(cron: string, timezone: string, after: string, until: string): string[] {
  return occurrencesBetween({ cron, timezone }, new Date(after), new Date(until)).map((at) =>
    at.toISOString(),
  )
}

/** Rules with the days that they mean, at times before, within and after the hours in which clocks are changed. */
const rules: [cron: string, daily: Omit<Daily, 'timezone'>][] = [
  ['0 0 * * *', { hour: 0, minute: 0 }],
  ['30 1 * * *', { hour: 1, minute: 30 }],
  ['0 2 * * *', { hour: 2, minute: 0 }],
  ['30 2 * * *', { hour: 2, minute: 30 }],
  ['0 3 * * *', { hour: 3, minute: 0 }],
  ['15 2 * * 0', { hour: 2, minute: 15, on: (day) => day.getUTCDay() === 0 }],
  ['0 2 1 * *', { hour: 2, minute: 0, on: (day) => day.getUTCDate() === 1 }],
]

for (const timezone of zones) {
  t.test(`five years in ${timezone}: every day once, as Intl alone would have it`, async (t) => {
    for (const [cron, daily] of rules) {
      const expected = localTimes({ ...daily, timezone }, from, to)
      const last = expected.at(-1)!
      const first = new Date(Date.parse(expected[0]!) - 1).toISOString()
      t.same(due(cron, timezone, first, last), expected, `${cron}: ${expected.length}`)
    }
  })

  t.test(`every quarter of an hour in ${timezone} goes by elapsed time through both changes`, async (t) => {
    for (const [start, end] of [
      ['2026-03-07T00:00:00Z', '2026-03-09T00:00:00Z'],
      ['2026-03-28T00:00:00Z', '2026-03-30T00:00:00Z'],
      ['2026-10-24T00:00:00Z', '2026-10-26T00:00:00Z'],
      ['2026-10-31T00:00:00Z', '2026-11-02T00:00:00Z'],
    ] as const) {
      const quarters = Array.from({ length: 192 }, (_, i) =>
        new Date(Date.parse(start) + (i + 1) * 900_000).toISOString(),
      )
      t.same(due('*/15 * * * *', timezone, start, end), quarters, start)
    }
  })
}

t.test('a skipped time is due right after the gap, one that comes twice at the first', async (t) => {
  const next = (cron: string, timezone: string, after: string) =>
    nextOccurrences({ cron, timezone }, new Date(after), 2).map((at) => at.toISOString())
  t.same(next('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z'), [
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ])
  t.same(next('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z'), [
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ])
  t.same(next('*/20 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z'), [
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:00:00.000Z',
  ])
  t.same(next('45 * * * *', 'Australia/Lord_Howe', '2026-04-04T14:20:00Z'), [
    '2026-04-04T14:45:00.000Z',
    '2026-04-04T15:15:00.000Z',
  ])
})

t.test('however time goes by, each occurrence is found once', async () => {
  const start = Date.parse('2026-10-01T00:00:00Z')
  const steps = fc.array(fc.integer({ min: 0, max: 9 * 86_400_000 }), { maxLength: 40 })
  const rule = fc.record({
    cron: fc.constantFrom('30 2 * * *', '0 */6 * * *', '45 1,2 * * *', '20 * * * 0', '0 2 1 * *'),
    timezone: fc.constantFrom(...zones, 'America/Santiago', 'Australia/Lord_Howe'),
  })
  fc.assert(
    fc.property(rule, steps, (rule, steps) => {
      const found: number[] = []
      let at = start
      for (const step of steps) {
        found.push(...occurrencesBetween(rule, new Date(at), new Date(at + step)).map(Number))
        at += step
      }
      const whole = occurrencesBetween(rule, new Date(start), new Date(at)).map(Number)
      return found.length === whole.length && found.every((instant, i) => instant === whole[i])
    }),
    { numRuns: 60 },
  )
})

t.test('what is no cron is told', async (t) => {
  for (const cron of ['0 2 1 * *', '*/15 * * * *', '0 0 29 2 *', '0 9 * * MON-FRI', '0 0 L * *'])
    t.equal(cronProblem(cron), null, cron)
  t.match(cronProblem('99 1 * * *'), /range 0-59/)
  t.match(cronProblem('0 0 30 2 *'), /day of month/)
  t.match(cronProblem('H 2 * * *'), /not a time/)
})
