import { Migration } from '@mikro-orm/migrations'

/** What people know an actor by: as the indexes of migrations/audit.ts have it. */
const actor = '(coalesce(actor_email, actor_name))'

/**
 * Three filters at once, and all four: where each two of them meet often but all never do, walking the index of two takes
 * seconds. What is not simply done is little, so its indexes are small.
 */
export class AuditFilters extends Migration {
  override up(): void {
    this.addSql(
      `CREATE INDEX ON audit_entries (${actor}, action, dataset, at, seq) WHERE dataset IS NOT NULL`,
    )
    const combined = [`${actor}, action`, `${actor}, dataset`, 'action, dataset', `${actor}, action, dataset`]
    for (const columns of combined)
      this.addSql(`CREATE INDEX ON audit_entries (outcome, ${columns}, at, seq) WHERE outcome <> 'done'`)
    // For lists without a filter only. Of what was frequent once and long ago, the planner would think that it comes up soon,
    // and go through all later entries by an index on the plain time.
    this.addSql('DROP INDEX audit_entries_at_seq_idx')
    this.addSql(`CREATE INDEX audit_entries_by_time ON audit_entries ((at AT TIME ZONE 'UTC'), seq)`)
  }
}
