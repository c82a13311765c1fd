import { Migration } from '@mikro-orm/migrations'

export class Exports extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE exports (
        id uuid PRIMARY KEY,
        dataset text NOT NULL,
        scope jsonb NOT NULL,
        format text NOT NULL CHECK (format IN ('json', 'csv', 'pdf')),
        include_children boolean NOT NULL,
        title text,
        status text NOT NULL CHECK (status IN ('queued', 'generating', 'completed', 'failed', 'expired')),
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
        counts jsonb NOT NULL,
        columns jsonb NOT NULL,
        gate jsonb,
        error jsonb,
        store_due boolean NOT NULL,
        deleted_at timestamptz,
        CHECK (status <> 'completed' OR num_nulls(taken_at, sha256, bytes) = 0),
        CHECK ((status = 'failed') = (error IS NOT NULL))
      )`)
    this.addSql('CREATE INDEX exports_by_dataset ON exports (dataset, id DESC)')
    this.addSql('CREATE INDEX exports_by_status ON exports (status, id DESC)')
    this.addSql(`CREATE INDEX exports_unfinished ON exports (id) WHERE status IN ('queued', 'generating')`)
    this.addSql('CREATE INDEX exports_store_due ON exports (id) WHERE store_due')
    this.addSql(`
      CREATE INDEX exports_expiring ON exports (expires_at)
       WHERE status = 'completed' AND deleted_at IS NULL AND expires_at IS NOT NULL`)
  }
}
