/**
 * A replica that does nothing but tick: `node ticker-process.ts <database>`. Its parent sends the time as a message, and gets
 * it back when the tick is over. It is killed now and then.
 */
import { inspect } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { AuditEntry } from '../../src/audit/audit-entry.ts'
import { PendingEntry } from '../../src/audit/pending-entry.ts'
import { openDatabase } from '../../src/platform/database.ts'
import { createQueue } from '../../src/platform/queue.ts'
import { createSignals } from '../../src/platform/signals.ts'
import { Schedule } from '../../src/schedules/schedule.ts'
import { ScheduleRun } from '../../src/schedules/schedule-run.ts'
import { tick } from '../../src/schedules/tick.ts'
import { definition } from './service.ts'
import { ticked } from './ticked-schedules.ts'

const url = process.argv[2]!
const report = (...said: unknown[]) =>
  void process.stderr.write(`${inspect(said)}
`)
const log = { error: report, warn: report, debug() {} } as unknown as FastifyInstance['log']
const orm = await openDatabase(url, [AuditEntry, PendingEntry, Schedule, ScheduleRun])
const queue = createQueue(url, log)
await queue.start()
let at = 0
const schedules = { list: () => ticked.map(definition) }
const clock = { now: () => new Date(at) }
const app = { orm, queue, log, clock, schedules, signals: createSignals(orm, url, log) }

process.on('message', (time: number) => {
  at = time
  void tick(app as unknown as FastifyInstance).then(() => process.send!(time))
})
process.on('disconnect', () => process.exit())
process.send!('ready')
