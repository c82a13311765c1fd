import { invalidField } from '../datasets/typed-keys.ts'

/**
 * A deadline as forms have it: a day, and the time of that day in UTC.
 * @throws Problem VALIDATION_FAILED pointing at `dueAt` or `time`
 */
export function deadlineOf(day: string, time = '00:00'): Date {
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) throw invalidField('time', 'must be a time such as 14:30')
  const date = /^\d{4}-\d\d-\d\d$/.test(day) ? new Date(`${day}T${time}:00Z`) : new Date(Number.NaN)
  if (Number.isNaN(date.getTime())) throw invalidField('dueAt', 'must be a day such as 2026-12-31')
  return date
}
