import type { Dataset } from '../datasets/definition.ts'
import type { Rule } from '../schedules/occurrences.ts'

/** A schedule's name. */
export function backupName({ name }: Dataset): string {
  return `backup.${name}`
}

/** When backups are due. */
export function backupRule({ policies, timezone }: Dataset): Rule {
  return { cron: policies.backup?.schedule ?? '0 2 1 * *', timezone }
}

export function isBackedUp({ policies }: Dataset): boolean {
  return policies.backup !== undefined && policies.backup.enabled !== false
}
