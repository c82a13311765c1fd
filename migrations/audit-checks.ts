import { Migration } from '@mikro-orm/migrations'

export class AuditChecks extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE audit_checks (
        id uuid PRIMARY KEY,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        total bigint NOT NULL,
        checked bigint NOT NULL,
        finished_at timestamptz,
        published jsonb,
        result jsonb,
        CHECK ((result IS NULL) = (finished_at IS NULL))
      )`)
    // One at a time is enough, whoever asks for it.
    this.addSql(
      'CREATE UNIQUE INDEX audit_checks_unfinished ON audit_checks ((true)) WHERE finished_at IS NULL',
    )
  }
}
