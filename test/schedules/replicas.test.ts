import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Schedule } from '../../src/schedules/schedule.ts'
import { ScheduleRun } from '../../src/schedules/schedule-run.ts'
import { localTimes } from './local-days.ts'
import { finished, scheduleService } from './service.ts'
import { ticked } from './ticked-schedules.ts'

const replicas = 5
const ticks = 200
const minute = 60_000

/** Both changes of clocks are in between. */
const start = Date.parse('2026-10-22T00:00:00Z')

/** Numbers that look random and are the same each time (mulberry32). */
function numbers(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

t.test(
  'five replicas, 200 ticks, one killed now and then: each occurrence once, none unexplained',
  async (t) => {
    const { app, clock, declare } = await scheduleService(t)
    const done = new Map<string, number>()
    const run = async ({ runId }: { runId: string }) => {
      done.set(runId, (done.get(runId) ?? 0) + 1)
      return {}
    }
    await declare(...ticked.map((schedule) => ({ ...schedule, run })))
    const children = new Set<ChildProcess>()
    const begin = async () => {
      const child = fork(fileURLToPath(new URL('ticker-process.ts', import.meta.url)), [
        app.config.databaseUrl!,
      ])
      await once(child, 'message')
      children.add(child)
    }
    t.teardown(() => children.forEach((child) => child.kill('SIGKILL')))
    await Promise.all(Array.from({ length: replicas }, begin))

    const random = numbers(20261122)
    const replaced: Promise<void>[] = []
    const times = [start]
    const tickAll = async (at: number) => {
      clock.at = at
      const victim =
        random() < 0.06 && children.size > 2 ? [...children][Math.floor(random() * children.size)] : null
      const answers = [...children].map((child) => {
        const answer = child === victim ? once(child, 'exit') : once(child, 'message')
        child.send(at)
        return answer
      })
      if (victim) {
        children.delete(victim)
        setTimeout(() => victim.kill('SIGKILL'), random() * 15)
        replaced.push(begin())
      }
      await Promise.all(answers)
      if (times.length % 20 === 0) await finished(app)
    }
    await app.orm.em.fork().nativeDelete(Schedule, {})
    await tickAll(start)
    while (times.length <= ticks) {
      const step = random() < 0.04 ? 1 + random() * 2000 : 1 + random() * 25
      times.push(times.at(-1)! + Math.round(step) * minute)
      await tickAll(times.at(-1)!)
    }
    await Promise.all(replaced)
    await finished(app)

    const end = times.at(-1)!
    const runs = await app.orm.em.fork().find(ScheduleRun, {}, { orderBy: { dueAt: 'asc' } })
    const found = Map.groupBy(runs, ({ schedule }) => schedule)
    const expected = new Map([
      [
        'every.ten',
        Array.from({ length: (end - start) / (10 * minute) }, (_, i) => start + (i + 1) * 10 * minute),
      ],
      ['night.berlin', nights({ hour: 2, minute: 30, timezone: 'Europe/Berlin' }, end)],
      ['night.new-york', nights({ hour: 1, minute: 30, timezone: 'America/New_York' }, end)],
    ])
    for (const [name, due] of expected) {
      const within = due.filter((at) => at > start && at <= end)
      t.same(
        found.get(name)?.map(({ dueAt }) => dueAt.getTime()),
        within,
        `${name}: ${within.length} occurrences, each once`,
      )
    }
    for (const { schedule, dueAt, status, note } of runs) {
      const tickedAt = times.find((time) => time >= dueAt.getTime())!
      const later = expected.get(schedule)!.some((at) => at > dueAt.getTime() && at <= tickedAt)
      const right = later ? status === 'missed' : status === 'completed' || status === 'skipped'
      if (!right || (status !== 'completed' && note === null))
        t.fail(`${schedule} ${dueAt.toISOString()} ${status}: ${note}`)
    }
    const completed = runs.filter(({ status }) => status === 'completed')
    t.ok(completed.length > 20, `${completed.length} were carried out`)
    t.ok(
      completed.every(({ id }) => done.get(id) === 1),
      'each of them once',
    )
    t.ok(replaced.length >= 5, `${replaced.length} replicas were killed`)
    t.comment(`${runs.length} occurrences, ${completed.length} run, ${replaced.length} kills`)
  },
)

function nights(daily: { hour: number; minute: number; timezone: string }, end: number): number[] {
  const last = new Date(end + 2 * 86_400_000).toISOString().slice(0, 10)
  return localTimes(daily, '2026-10-21', last).map((at) => Date.parse(at))
}
