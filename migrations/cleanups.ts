import { Migration } from '@mikro-orm/migrations'

export class Cleanups extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE holds (
        id uuid PRIMARY KEY,
        dataset text NOT NULL,
        key text NOT NULL,
        reason text NOT NULL,
        until timestamptz,
        created_by text,
        created_at timestamptz NOT NULL
      )`)
    // A record may be held by several people at once, each for a reason of their own.
    this.addSql('CREATE INDEX holds_by_record ON holds (dataset, key)')

    this.addSql('ALTER TABLE snapshots ADD COLUMN cleanup_id uuid')
    this.addSql(`
      CREATE TABLE cleanups (
        id uuid PRIMARY KEY,
        dataset text NOT NULL,
        scope jsonb NOT NULL,
        target text NOT NULL CHECK (target IN ('records', 'files')),
        origin text NOT NULL CHECK (origin IN ('person', 'retention', 'delivery')),
        status text NOT NULL CHECK (status IN
          ('pending', 'awaiting_confirmation', 'capturing', 'removing', 'completed', 'failed', 'cancelled')),
        hold boolean NOT NULL,
        due_at timestamptz NOT NULL,
        announced_due_at timestamptz,
        exact boolean NOT NULL,
        notice_required boolean NOT NULL,
        skip_snapshot_check boolean NOT NULL,
        plan jsonb NOT NULL,
        plan_hash text NOT NULL CHECK (plan_hash ~ '^[0-9a-f]{64}$'),
        gate jsonb,
        snapshot_id uuid,
        batch_id uuid,
        blocked jsonb,
        counts jsonb,
        error jsonb,
        created_by text,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        attempts integer NOT NULL,
        CHECK ((status = 'failed') = (error IS NOT NULL)),
        CHECK (status <> 'removing' OR target = 'files' OR snapshot_id IS NOT NULL)
      )`)
    this.addSql('CREATE INDEX cleanups_by_dataset ON cleanups (dataset, id DESC)')
    this.addSql('CREATE INDEX cleanups_by_status ON cleanups (status, id DESC)')
    this.addSql(`CREATE INDEX cleanups_due ON cleanups (due_at) WHERE status = 'pending'`)

    // What a cleanup may remove, and what became of each: nothing that isn't here is ever removed.
    this.addSql(`
      CREATE TABLE cleanup_items (
        cleanup_id uuid NOT NULL REFERENCES cleanups DEFERRABLE INITIALLY DEFERRED,
        key text NOT NULL,
        position bigint NOT NULL,
        chunk integer,
        outcome text,
        detail text,
        PRIMARY KEY (cleanup_id, key)
      )`)
    this.addSql('CREATE INDEX cleanup_items_by_chunk ON cleanup_items (cleanup_id, chunk, position)')
    this.addSql('CREATE INDEX cleanup_items_by_key ON cleanup_items (key)')
    this.addSql(`
      CREATE TABLE cleanup_chunks (
        cleanup_id uuid NOT NULL REFERENCES cleanups DEFERRABLE INITIALLY DEFERRED,
        number integer NOT NULL,
        attempts integer NOT NULL,
        done boolean NOT NULL,
        result jsonb,
        source_transaction text,
        source_backend integer,
        PRIMARY KEY (cleanup_id, number)
      )`)
  }
}
