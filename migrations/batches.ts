import { Migration } from '@mikro-orm/migrations'

export class Batches extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE batches (
        id uuid PRIMARY KEY,
        key text NOT NULL UNIQUE,
        title text,
        way text NOT NULL CHECK (way IN ('application', 'webhook', 'built-in')),
        handler text,
        webhook jsonb,
        context jsonb NOT NULL,
        dataset text,
        origin_type text NOT NULL,
        origin_id text,
        max_attempts integer NOT NULL CHECK (max_attempts > 0),
        checkpoint_every integer NOT NULL CHECK (checkpoint_every > 0),
        digest text NOT NULL,
        items_digest text,
        status text NOT NULL CHECK (status IN
          ('running', 'paused', 'cancelling', 'completed', 'completed_with_failures', 'cancelled')),
        paused_reason text,
        total integer NOT NULL,
        completed integer NOT NULL,
        failed integer NOT NULL,
        earlier_at timestamptz,
        earlier_settled integer NOT NULL,
        sampled_at timestamptz,
        sampled_settled integer NOT NULL,
        created_by text,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        runs integer NOT NULL,
        items_removed_at timestamptz,
        CHECK ((way = 'built-in') = (handler IS NOT NULL)),
        CHECK ((way = 'webhook') = (webhook IS NOT NULL))
      )`)
    this.addSql('CREATE INDEX batches_by_status ON batches (status, id DESC)')
    this.addSql('CREATE INDEX batches_by_dataset ON batches (dataset, id DESC)')
    this.addSql(
      `CREATE INDEX batches_unfinished ON batches (id) WHERE status IN ('running', 'paused', 'cancelling')`,
    )
    this.addSql(
      'CREATE INDEX batches_tidying ON batches (finished_at) WHERE finished_at IS NOT NULL AND items_removed_at IS NULL',
    )
    // What came to the counts of the batch since it last ended, in several rows, so that nobody waits for one row.
    this.addSql(`
      CREATE TABLE batch_counts (
        batch_id uuid NOT NULL,
        shard smallint NOT NULL,
        total integer NOT NULL,
        completed integer NOT NULL,
        failed integer NOT NULL,
        PRIMARY KEY (batch_id, shard)
      ) WITH (fillfactor = 50)`)
    this.addSql(`
      CREATE TABLE batch_leases (
        id uuid PRIMARY KEY,
        batch_id uuid NOT NULL,
        worker text NOT NULL,
        used_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
      ) WITH (fillfactor = 50)`)
    this.addSql('CREATE INDEX batch_leases_of_batch ON batch_leases (batch_id)')
    // No foreign key to the batch: checking it would double what a million rows cost. Batches are never deleted.
    this.addSql(`
      CREATE TABLE batch_items (
        batch_id uuid NOT NULL,
        id text NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY,
        state text NOT NULL CHECK (state IN ('pending', 'leased', 'completed', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        failures integer NOT NULL DEFAULT 0,
        lease_id uuid,
        reported_by uuid,
        not_before timestamptz,
        settled_at timestamptz,
        payload json,
        result json,
        error json,
        PRIMARY KEY (batch_id, id)
      )`)
    // Finds what is next, what is leased, and lists items by what became of them.
    this.addSql('CREATE INDEX batch_items_by_state ON batch_items (batch_id, state, position)')
    // What waits to be tried again, the first first.
    this.addSql(
      'CREATE INDEX batch_items_waiting ON batch_items (batch_id, not_before) WHERE not_before IS NOT NULL',
    )
    // An item is written three times; vacuuming after a fifth of a million rows would come late.
    this.addSql(
      'ALTER TABLE batch_items SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05)',
    )
  }
}
