import { Migration } from '@mikro-orm/migrations'

export class SnapshotExpiry extends Migration {
  override up(): void {
    // What was taken before goes on as it was: a time that it has was somebody's choice or the dataset's word.
    this.addSql('ALTER TABLE snapshots ADD COLUMN expiry_chosen boolean NOT NULL DEFAULT false')
    // What the store check reads again next.
    this.addSql(`
      CREATE INDEX snapshots_verified ON snapshots (verified_at)
       WHERE status = 'completed' AND deleted_at IS NULL`)
  }
}
