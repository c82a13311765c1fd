import { Migration } from '@mikro-orm/migrations'

export class Restores extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE restores (
        id uuid PRIMARY KEY,
        dataset text NOT NULL,
        snapshot_id uuid NOT NULL,
        mode text NOT NULL CHECK (mode IN ('replace', 'merge', 'missing')),
        keys jsonb,
        undoes uuid REFERENCES restores,
        status text NOT NULL
          CHECK (status IN ('planning', 'planned', 'applying', 'completed', 'failed', 'cancelled')),
        plan jsonb,
        plan_hash text CHECK (plan_hash ~ '^[0-9a-f]{64}$'),
        pre_restore_snapshot_id uuid,
        counts jsonb,
        warnings jsonb NOT NULL,
        progress jsonb,
        error jsonb,
        created_by text,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        attempts integer NOT NULL,
        source_transaction text,
        source_backend integer,
        CHECK (status <> 'planned' OR num_nulls(plan, plan_hash) = 0),
        CHECK ((status = 'failed') = (error IS NOT NULL))
      )`)
    this.addSql('CREATE INDEX restores_by_dataset ON restores (dataset, id DESC)')
    this.addSql('CREATE INDEX restores_by_status ON restores (status, id DESC)')
    this.addSql('CREATE INDEX restores_by_snapshot ON restores (snapshot_id, id DESC)')
    this.addSql('CREATE INDEX restores_by_undone ON restores (undoes) WHERE undoes IS NOT NULL')
  }
}
