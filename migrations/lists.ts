import { Migration } from '@mikro-orm/migrations'

/**
 * The orders that lists offer; see src/platform/sorting.ts. One index serves both directions, with and without a
 * condition on its first column.
 */
export class Lists extends Migration {
  override up(): void {
    this.addSql('DROP INDEX snapshots_by_dataset, snapshots_by_status')
    this.addSql('CREATE INDEX snapshots_by_dataset ON snapshots (dataset, id)')
    this.addSql('CREATE INDEX snapshots_by_status ON snapshots (status, id)')
    this.addSql('CREATE INDEX snapshots_by_trigger ON snapshots (trigger, id)')
    this.addSql('CREATE INDEX snapshots_by_stored_bytes ON snapshots (coalesce(stored_bytes, -1), id)')
    this.addSql(`
      CREATE INDEX snapshots_by_expiry
       ON snapshots (coalesce(expires_at, timestamptz '9999-12-31T00:00:00.000Z'), id)`)
  }
}
