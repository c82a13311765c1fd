import { Migration } from '@mikro-orm/migrations'

export class Deliveries extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE deliveries (
        id uuid PRIMARY KEY,
        batch_id uuid NOT NULL UNIQUE,
        dataset text NOT NULL,
        scope jsonb NOT NULL,
        title text,
        destination jsonb NOT NULL,
        sealed_token text,
        status text NOT NULL CHECK (status IN
          ('preparing', 'delivering', 'completed', 'completed_with_failures', 'cancelled', 'failed')),
        gate_skipped boolean NOT NULL,
        snapshot_id uuid,
        snapshot_at timestamptz,
        cleanup_after text NOT NULL,
        cleanup_scheduled_at timestamptz,
        cleanup_id uuid,
        conclusion_due boolean NOT NULL,
        notes jsonb NOT NULL,
        error jsonb,
        created_by text,
        created_at timestamptz NOT NULL,
        finished_at timestamptz,
        CHECK ((status = 'failed') = (error IS NOT NULL))
      )`)
    this.addSql('CREATE INDEX deliveries_by_dataset ON deliveries (dataset, id DESC)')
    this.addSql(
      `CREATE INDEX deliveries_unfinished ON deliveries (id) WHERE status = 'preparing' OR conclusion_due`,
    )
    // The index of a delivery, which stays when the items of its batch have gone.
    this.addSql(`
      CREATE TABLE delivered_files (
        delivery_id uuid NOT NULL,
        path text COLLATE "C" NOT NULL,
        item_id text NOT NULL,
        source text NOT NULL,
        bytes bigint NOT NULL,
        sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        compared text NOT NULL CHECK (compared IN ('sha256', 'quickXorHash', 'size')),
        url text,
        delivered_at timestamptz NOT NULL,
        PRIMARY KEY (delivery_id, path)
      )`)
    // Finds which originals were delivered before they may be removed.
    this.addSql('CREATE INDEX delivered_files_by_source ON delivered_files (delivery_id, source)')
  }
}
