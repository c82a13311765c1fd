import { Migration } from '@mikro-orm/migrations'

/**
 * The orders that lists offer; see src/platform/sorting.ts. One index serves both directions, with and without a
 * condition on its first column.
 */
export class Lists extends Migration {
  override up(): void {
    this.addSql('DROP INDEX snapshots_by_dataset, snapshots_by_status')
    this.addSql('DROP INDEX restores_by_dataset, restores_by_status')
    this.addSql('DROP INDEX exports_by_dataset, exports_by_status')
    this.addSql('DROP INDEX cleanups_by_dataset, cleanups_by_status')
    const columns = {
      snapshots: ['dataset', 'status', 'trigger', 'stored_bytes', 'expires_at'],
      restores: ['dataset', 'status', 'mode'],
      exports: ['dataset', 'status', 'format', 'bytes', 'expires_at'],
      cleanups: ['dataset', 'status', 'due_at'],
      holds: ['dataset', 'created_by', 'until'],
    }
    for (const [table, names] of Object.entries(columns))
      for (const name of names)
        this.addSql(`CREATE INDEX ${table}_by_${name} ON ${table} (${expressions[name] ?? name}, id)`)
  }
}

const never = "timestamptz '9999-12-31T00:00:00.000Z'"

/** What is sorted by instead of a column that can be null. */
const expressions: Record<string, string> = {
  stored_bytes: 'coalesce(stored_bytes, -1)',
  bytes: 'coalesce(bytes, -1)',
  expires_at: `coalesce(expires_at, ${never})`,
  until: `coalesce(until, ${never})`,
  created_by: "coalesce(created_by, '')",
}
