import { defineEntity, p } from '@mikro-orm/core'

const ScheduleSchema = defineEntity({
  name: 'Schedule',
  tableName: 'schedules',
  properties: {
    name: p.text().primary(),
    /** By which `recordedUntil` was reached: cron and time zone; null while it is switched off where it is declared. */
    rule: p.text().strictNullable(),
    paused: p.boolean(),
    /** Why; null when nobody said so. */
    pausedReason: p.text().strictNullable(),
    firstSeenAt: p.datetime(),
    /** Every occurrence until then has its run, or never will have one. */
    recordedUntil: p.datetime(),
  },
})

/** What is remembered of a declared schedule between its occurrences. */
export class Schedule extends ScheduleSchema.class {
  /**
   * Goes by another rule from now on. What would have been due by it before was never asked for.
   * @returns whether it did go by another one
   */
  follow(rule: string | null, now: Date): boolean {
    if (this.rule === rule) return false
    this.rule = rule
    this.recordedUntil = now
    return true
  }

  /** @returns false when it is so already */
  pause(reason: string | null): boolean {
    const changed = !this.paused || this.pausedReason !== reason
    this.paused = true
    this.pausedReason = reason
    return changed
  }

  /** What came due during the pause is not made up for. @returns false when it is so already */
  resume(now: Date): boolean {
    if (!this.paused) return false
    this.paused = false
    this.pausedReason = null
    this.recordedUntil = now
    return true
  }
}
ScheduleSchema.setClass(Schedule)
