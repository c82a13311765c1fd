import { occurrencesBetween, type Rule } from '../schedules/occurrences.ts'

const dayMs = 86_400_000

/** How far back is looked, in days, until something is found: most rules are due daily or monthly. */
const lookback = [2, 40, 400]

/** When a rule was due last, at an instant or before it; null when that is too long ago. */
export function previousOccurrence(rule: Rule, now: Date): Date | null {
  for (const days of lookback) {
    const found = occurrencesBetween(rule, new Date(now.getTime() - days * dayMs), now).at(-1)
    if (found !== undefined) return found
  }
  return null
}
