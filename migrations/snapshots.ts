import { Migration } from '@mikro-orm/migrations'

export class Snapshots extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE snapshots (
        id uuid PRIMARY KEY,
        dataset text NOT NULL,
        scope jsonb NOT NULL,
        trigger text NOT NULL
          CHECK (trigger IN ('manual', 'pre_sync', 'scheduled', 'pre_restore', 'pre_cleanup')),
        status text NOT NULL CHECK (status IN ('queued', 'generating', 'completed', 'failed', 'expired')),
        title text,
        note text,
        hold boolean NOT NULL,
        expires_at timestamptz,
        created_by text,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        attempts integer NOT NULL,
        progress_records bigint NOT NULL,
        progress_bytes bigint NOT NULL,
        taken_at timestamptz,
        key text NOT NULL UNIQUE,
        sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        bytes bigint,
        stored_bytes bigint,
        counts jsonb NOT NULL,
        stats jsonb NOT NULL,
        frames_sha256 text,
        verified_at timestamptz,
        last_verification jsonb,
        error jsonb,
        restore_id uuid,
        store_due boolean NOT NULL,
        deleted_at timestamptz,
        CHECK (status <> 'completed' OR num_nulls(taken_at, sha256, bytes, stored_bytes, frames_sha256) = 0),
        CHECK ((status = 'failed') = (error IS NOT NULL))
      )`)
    this.addSql('CREATE INDEX snapshots_by_dataset ON snapshots (dataset, id DESC)')
    this.addSql('CREATE INDEX snapshots_by_status ON snapshots (status, id DESC)')
    // What coverage and freshness look for: the latest good ones of a dataset.
    this.addSql(`
      CREATE INDEX snapshots_good ON snapshots (dataset, taken_at DESC)
       WHERE status = 'completed' AND deleted_at IS NULL`)
    this.addSql(
      `CREATE INDEX snapshots_unfinished ON snapshots (id) WHERE status IN ('queued', 'generating')`,
    )
    this.addSql('CREATE INDEX snapshots_store_due ON snapshots (id) WHERE store_due')
    // How many there are and how large, by dataset, without reading the rows.
    this.addSql(
      'CREATE INDEX snapshots_totals ON snapshots (dataset, status, stored_bytes) WHERE deleted_at IS NULL',
    )
    this.addSql(`
      CREATE INDEX snapshots_expiring ON snapshots (expires_at)
       WHERE status = 'completed' AND NOT hold AND deleted_at IS NULL AND expires_at IS NOT NULL`)
  }
}
